"""The settings of JupyterHub that the test needs, after those of the documentation page."""

import os

c = get_config()  # noqa: F821  JupyterHub defines it

here = os.environ["HUB_DIRECTORY"]
c.JupyterHub.bind_url = os.environ["HUB_URL"]
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.JupyterHub.db_url = f"sqlite:///{here}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{here}/cookie_secret"
c.ConfigurableHTTPProxy.command = os.environ["PROXY_COMMAND"].split()
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['PROXY_API_PORT']}"
c.ConfigurableHTTPProxy.pid_file = f"{here}/proxy.pid"
# No notebook server is started.
c.JupyterHub.spawner_class = "simple"
