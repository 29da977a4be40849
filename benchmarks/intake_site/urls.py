"""The two baselines: no signature, no check of what came before, one ordinary INSERT a request."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers, viewsets
from rest_framework.authentication import TokenAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from alignment.models import Delivery, Fact


@csrf_exempt
def bare(request: HttpRequest, endpoint: int, source: int) -> JsonResponse:
    """`json.loads` and `Model.objects.create`, into the same table that the intake writes to."""
    event = json.loads(request.body)
    Delivery.objects.create(
        source_id=source,
        endpoint_id=endpoint,
        external_id=event[0]["id"] if isinstance(event, list) else event["id"],
        body=request.body,
        body_sha256=hashlib.sha256(request.body).digest(),
    )
    return JsonResponse({"status": "created"}, status=201)


class FactSerializer(serializers.ModelSerializer[Fact]):
    class Meta:
        model = Fact
        fields = ("source", "ref", "subject", "external_id", "fields", "occurred_at", "order_key")

    # `fields` of the model is a JSON column, and the name is taken by the serializer
    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data) | {"fields": data["fields"], "received_at": timezone.now()}


class Facts(viewsets.ModelViewSet[Fact]):
    """Token authentication, serializer with its uniqueness query, transaction: the usual way to take events."""

    authentication_classes = [TokenAuthentication]
    queryset = Fact.objects.all()
    serializer_class = FactSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            return super().create(request, *args, **kwargs)


urlpatterns = [
    path("bare/<int:source>/<int:endpoint>/", bare),
    path("drf/", Facts.as_view({"post": "create"})),
]
