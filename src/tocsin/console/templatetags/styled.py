"""Form fields in Tabler's dress."""

from __future__ import annotations

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def styled(field: BoundField) -> SafeString:
    """The field's input with the classes of the kit, marked where it has errors."""
    widget = field.field.widget
    classes = "form-select" if isinstance(widget, Select) else "form-control"
    if isinstance(widget, CheckboxInput):
        classes = "form-check-input"
    return field.as_widget(attrs={"class": f"{classes} is-invalid" if field.errors else classes})


@register.filter
def is_box(field: BoundField) -> bool:
    """Whether it is a box to tick."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def grouped(number: int) -> str:
    """A count with its thousands apart, the same in both languages."""
    return f"{number:,}"
