"""All addresses of the product. Intake (`/in/<address>/`) is answered before this by its own middleware."""

from django.urls import include, path, re_path

import handoff.api
import sla.api
from alignment.api.document import Nothing
from alignment.api.routes import routes
from alignment.readonly_admin import site
from alignment.views import health, single_sign_on, tokens
from alignment.views.closed import closed

# Offered by the login library, not by this product; listed before its own addresses.
CLOSED = (
    "email/",
    "confirm-email/",
    "3rdparty/",
    "3rdparty/signup/",
    "social/signup/",
    "social/connections/",
    "login/code/confirm/",
)

urlpatterns = [
    path("", include("dashboard.urls")),
    path("", include("handoff.urls")),
    path("", include("sla.urls")),
    path("", include("scorecard.urls")),
    path("", include("alignment.page_urls")),
    path("api/v1/docs", tokens.docs, name="api-docs"),
    path("api/v1/", include(([*routes, *sla.api.routes, *handoff.api.routes], "api"))),
    re_path(r"^api/", Nothing.as_view(), name="api-nothing"),
    path("healthz", health.live, name="healthz"),
    path("healthz/ready", health.ready, name="healthz-ready"),
    path("healthz/deep", health.deep, name="healthz-deep"),
    *(path(f"accounts/{route}", closed) for route in CLOSED),
    path("accounts/oidc/<str:provider_id>/login/", single_sign_on.begin),
    path("accounts/oidc/<str:provider_id>/login/callback/", single_sign_on.come_back),
    path("accounts/", include("allauth.urls")),
    path("admin/", site.urls),
]
