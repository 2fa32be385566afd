"""A plugin with a class of requests of its own."""

from typing import Any

from pyramid.request import Request


class PluginRequest(Request):
    """Says where it comes from."""

    of_the_plugin = True


def includeme(config: Any) -> None:
    """Set the class."""
    config.set_request_factory(PluginRequest)
