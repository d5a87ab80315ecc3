from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "tocsin.console"
    label = "console"

    def ready(self) -> None:
        """Models can be imported from here on."""
        from tocsin.console.signins import connect

        connect()
