"""What the page to sign in needs to know."""

from __future__ import annotations

from django import template

from alignment.models import User

register = template.Library()


@register.simple_tag
def nobody_has_a_login() -> bool:
    """`{% nobody_has_a_login as is_new %}`: whether the first login is still to be made."""
    return not User.objects.exists()
