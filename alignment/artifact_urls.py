"""Addresses of signed artifacts; within the namespace of alignment.page_urls."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from alignment.models import KEY_PATTERN
from alignment.views.artifacts import acts, delegations, files, lists, page, signing, verify


class KeyConverter(StringConverter):
    regex = KEY_PATTERN


register_converter(KeyConverter, "artifact_key")
VERSION = "artifacts/<slug:kind>/<artifact_key:key>/<int:number>/"
urlpatterns = [
    path("artifacts/", lists.index, name="artifacts"),
    path("artifacts/delegations/", delegations.index, name="delegations"),
    path("artifacts/<slug:kind>/<artifact_key:key>/", lists.versions, name="artifact"),
    path(VERSION, page.page, name="artifact-version"),
    path(f"{VERSION}identity/", page.identity, name="artifact-identity"),
    path(f"{VERSION}sign/", signing.sign, name="artifact-sign"),
    path(f"{VERSION}decline/", signing.decline, name="artifact-decline"),
    path(f"{VERSION}revoke/", signing.revoke, name="artifact-revoke"),
    path(f"{VERSION}send/", acts.send, name="artifact-send"),
    path(f"{VERSION}withdraw/", acts.withdraw, name="artifact-withdraw"),
    path(f"{VERSION}remind/", acts.remind, name="artifact-remind"),
    path(f"{VERSION}restart/", acts.restart, name="artifact-restart"),
    path(f"{VERSION}paper/", acts.paper, name="artifact-paper"),
    path(f"{VERSION}discard/", acts.discard, name="artifact-discard"),
    path(f"{VERSION}pdf/", files.pdf, name="artifact-pdf"),
    path(f"{VERSION}bundle/", files.bundle, name="artifact-bundle"),
    path("verify/", verify.page, name="verify"),
]
