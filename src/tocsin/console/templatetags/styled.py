"""Form fields in Tabler's dress."""

from __future__ import annotations

from django import template
from django.forms import BoundField, CheckboxInput
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def styled(field: BoundField) -> SafeString:
    """The field's input with the classes of the kit, marked where it has errors."""
    classes = "form-check-input" if isinstance(field.field.widget, CheckboxInput) else "form-control"
    return field.as_widget(attrs={"class": f"{classes} is-invalid" if field.errors else classes})


@register.filter
def is_box(field: BoundField) -> bool:
    """Whether it is a box to tick."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def grouped(number: int) -> str:
    """A count with its thousands apart, the same in both languages."""
    return f"{number:,}"
