"""Pages of the core: sources, calendars, people."""

from django.urls import path

from alignment.views import calendars, deliveries, mapping, organisation, people, retention, sources, teams

app_name = "alignment"
urlpatterns = [
    path("calendars/", calendars.index, name="calendars"),
    path("calendars/new/", calendars.create, name="calendar-new"),
    path("calendars/<int:pk>/", calendars.page, name="calendar"),
    path("calendars/<int:pk>/exceptions/", calendars.add_exception, name="calendar-exception"),
    path("calendars/<int:pk>/holidays/", calendars.extend_holidays, name="calendar-holidays"),
    path("people/", people.index, name="people"),
    path("people/new/", people.create, name="person-new"),
    path("people/<int:pk>/", people.page, name="person"),
    path("people/<int:pk>/change/", people.change, name="person-change"),
    path("people/<int:pk>/login/", people.give_login, name="person-login"),
    path("people/<int:pk>/identities/", people.link, name="person-link"),
    path("people/<int:pk>/merge/", people.merge, name="person-merge"),
    path("people/logins/<int:pk>/", people.set_login, name="login"),
    path("people/logins/<int:pk>/person/", people.link_login, name="login-person"),
    path("people/logins/<int:pk>/second-factor/", people.reset_second_factor, name="second-factor-reset"),
    path("people/teams/new/", teams.create, name="team-new"),
    path("people/teams/<int:pk>/", teams.change, name="team"),
    path("settings/", organisation.settings, name="settings"),
    path("settings/retention/", retention.page, name="retention"),
    path("sources/", sources.index, name="sources"),
    path("sources/new/", sources.create, name="source-new"),
    path("sources/<slug:key>/", sources.page, name="source"),
    path("sources/<slug:key>/endpoints/", sources.add_endpoint, name="endpoint-add"),
    path("sources/<slug:key>/endpoints/<int:pk>/secret/", sources.rotate_secret, name="secret-rotate"),
    path(
        "sources/<slug:key>/endpoints/<int:pk>/secret/<int:slot>/revocation/",
        sources.revoke_secret,
        name="secret-revoke",
    ),
    path("sources/<slug:key>/endpoints/<int:pk>/off/", sources.deactivate_endpoint, name="endpoint-off"),
    path("sources/<slug:key>/mapping/", mapping.edit, name="source-mapping"),
    path("sources/<slug:key>/mapping/preview/", mapping.preview, name="mapping-preview"),
    path("sources/<slug:key>/dead/", deliveries.dead, name="source-dead"),
    path("sources/<slug:key>/dead/replay/", deliveries.replay_all, name="replay-all"),
    path("sources/<slug:key>/dead/aside/", deliveries.set_aside_all, name="set-aside-all"),
    path("sources/<slug:key>/dead/<int:pk>/aside/", deliveries.set_aside_one, name="set-aside-one"),
    path("sources/<slug:key>/dead/<int:pk>/replay/", deliveries.replay_one, name="replay-one"),
    path("sources/<slug:key>/conflicts/", deliveries.conflicts, name="source-conflicts"),
    path("sources/<slug:key>/deliveries/", deliveries.recent, name="source-deliveries"),
    path("sources/<slug:key>/deliveries/<int:pk>/", deliveries.delivery, name="delivery"),
]
