"""Which routes and settings does a server of live pages have?"""

from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from traitlets.config import Config
from voila.paths import collect_static_paths
from voila.static_file_handler import MultiStaticFileHandler

from quarterdeck.publish.live.channels import Channels, Kernel, Leave
from quarterdeck.publish.live.kernels import LiveKernels
from quarterdeck.publish.live.page import WIDGETS, LivePage, configuration, failure, prepare
from quarterdeck.publish.pages import page_frame, render
from quarterdeck.publish.pages.handler import Frame


class Assets(Frame, MultiStaticFileHandler):
    """The scripts of Voilà's front end, from this server."""


def routes(here: dict[str, Any], config: Config) -> list[tuple]:
    """Give the routes of live pages."""
    voila = {"template_paths": [str(render.TEMPLATES / render.TEMPLATE)], "config": config}
    statics = [p for p in collect_static_paths(["voila"], "base") if (Path(p) / "voila.js").is_file()]
    extensions = jupyter_path("labextensions") + jupyter_path("voila", "labextensions")
    named = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    kernel = f"/api/kernels/{named}"
    return [
        (r"/live/([^/]+)/([^/]+)/([^/]+)/([^/]+)", LivePage, here | voila),
        (kernel, Kernel, here),
        (kernel + "/channels", Channels),
        (f"/voila/api/shutdown/{named}", Leave, here),
        (r"/static/(live\.js)", Assets, {"paths": [str(render.TEMPLATES / render.TEMPLATE / "static")]}),
        (r"/voila/static/([\w.-]+)", Assets, {"paths": statics}),
        (
            rf"/voila/labextensions/((?:{'|'.join(WIDGETS)})/static/[\w.-]+)",
            Assets,
            {"paths": extensions},
        ),
    ]


def settings(most: int, idle: int) -> Config:
    """Give the configuration of Voilà by which pages come alive."""
    link = {"transport": "ipc", "autorestart": False, "client_factory": "quarterdeck.batch.kernels.PromptClient"}
    hooks = {"prelaunch_hook": prepare, "page_config_hook": configuration, "multi_kernel_manager_class": LiveKernels}
    return Config(
        VoilaConfiguration=hooks | {"show_tracebacks": True},
        LiveKernels={"most": most, "cull_idle_timeout": idle, "cull_interval": max(1, min(15, idle // 4))},
        KernelManager=link,
        AsyncKernelManager=link,
        VoilaExporter={"template_file": "live.html.j2", "filters": {"digest": page_frame.digest, "failure": failure}},
    )
