from django.apps import AppConfig


class SchemaConfig(AppConfig):
    name = "tocsin.schema"
    label = "tocsin"
