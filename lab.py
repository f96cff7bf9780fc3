"""Warps & Watts from one command; it needs Python 3.11 or newer and nothing else.

python lab.py                              set up what is missing, open the course
python lab.py --no-browser --port 8890     the same on a server
python lab.py test                         set up, then validate everything
"""

import sys

# So that an old Python can say so, this file keeps to what Python 3.7 can read.
if sys.version_info < (3, 11):
    sys.exit(
        "Warps & Watts needs Python 3.11 or newer, and this is Python {}.{}. Install a newer one "
        "(python.org has them) and start the course with it.".format(*sys.version_info)
    )

import argparse
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # an isolated Python leaves it out

from tools.copies import copy_lessons, first_lesson
from tools.environment import LabError, set_up, write
from tools.guard import guarded, stop, wait
from tools.lock import held
from tools.variables import clean

ROOT = Path(__file__).resolve().parent
HOST = "127.0.0.1"
FIRST_PORT = 8888
TRIES = 3  # to start the server: another program may take the port that it has just found free


def open_lab(root, python, port, with_browser):
    """Run JupyterLab on the first lesson until it is told to stop."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # a closed terminal ends the server too
            signal.signal(getattr(signal, name), signal.default_int_handler)
    first, runtime = first_lesson(root), tempfile.mkdtemp(prefix="warps-and-watts-")
    server = None
    try:
        server, address = start(root, python, port, first, runtime, with_browser)
        print("The course is open: " + address)
        print("Your notebooks are in work/. Ctrl-C here ends the server.")
        wait(server)
    except KeyboardInterrupt:
        print("\nEnding the server.")
    finally:
        if server:
            stop(server)
        shutil.rmtree(runtime, ignore_errors=True)


def start(root, python, port, first, runtime, with_browser):
    """Start a server; returns its guard and its own address, once it answers there."""
    token = secrets.token_hex(24)
    options = server_options(root, port, first, with_browser)
    command = [str(python), "-I", "-m", "jupyterlab", *options]
    # The token goes by the environment: a command line can be read by everyone on the machine.
    environment = dict(
        clean(root),
        JUPYTER_TOKEN=token,
        JUPYTER_CONFIG_DIR=str(settings(root)),
        JUPYTER_DATA_DIR=str(root / "work" / ".jupyter" / "data"),
        JUPYTER_RUNTIME_DIR=runtime,
    )
    for _ in range(1 if port else TRIES):
        server = guarded(command, env=environment, cwd=str(root))
        try:
            while server.poll() is None:
                for port, base in running(runtime):
                    if answers(port, base, token):
                        page = f"http://{HOST}:{port}{base}lab/tree/{first}?token={token}"
                        return server, page
                time.sleep(0.1)
        except BaseException:
            stop(server)
            raise
    raise LabError(
        "JupyterLab did not start; its own words stand above. If they name a package, remove the "
        "folder .venv and run python lab.py again."
    )


def server_options(root, port, first, with_browser):
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port or FIRST_PORT,
        "ServerApp.port_retries": 0 if port else 100,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": with_browser,
        "ServerApp.answer_yes": True,
        "LabApp.log_level": "ERROR",
        "ServerApp.log_level": "ERROR",
        "LabApp.default_url": "/lab/tree/" + first,
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options["ServerApp.allow_root"] = True
    return [f"--{name}={value}" for name, value in options.items()]


def settings(root):
    """The student's JupyterLab settings; at first only: no pop-up that asks about news."""
    folder = root / "work" / ".jupyter"
    news = folder / "lab/user-settings/@jupyterlab/apputils-extension"
    path = news / "notification.jupyterlab-settings"
    if not path.exists():
        news.mkdir(parents=True, exist_ok=True)
        write(path, json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    return folder


def running(runtime):
    """The ports and base addresses that servers name in this folder, which is our server's own."""
    for path in Path(runtime).glob("jpserver-*.json"):
        try:
            info = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):  # it is being written
            continue
        yield info["port"], info["base_url"]


def answers(port, base, token):
    """Whether a server that knows our token answers at this port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        headers = {"Authorization": "token " + token}
        connection.request("GET", base + "api/status", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def refuse_taken(port):
    """A port in use is said before the set-up, not after it."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise LabError(
            f"Port {port} cannot be used ({os.strerror(error.errno)}). Choose another, such as "
            f"--port {port % 65535 + 1}, or leave --port out and a free one is found."
        ) from None


def port_number(text):
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def options_of(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["open", "test"], default="open")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=port_number, help="the port to serve on; else a free one")
    parser.add_argument("--only", nargs="+", default=[], help="with test: these stages alone")
    return parser.parse_args(arguments)


def run(options):
    if options.command == "test":
        python = set_up(ROOT, "requirements-dev.txt")
        validate = [str(python), str(ROOT / "tools" / "validate.py")]
        validation = guarded(validate + options.only, cwd=str(ROOT), env=clean(ROOT))
        try:
            return wait(validation)
        finally:
            stop(validation)
    if options.port:
        refuse_taken(options.port)
    python = set_up(ROOT, "requirements.txt")
    with held(ROOT / ".cache" / "copies.lock", "Another start copies the lessons. Waiting for it."):
        notices = copy_lessons(ROOT)
    for notice in notices:
        print(notice)
    open_lab(ROOT, python, options.port, not options.no_browser)
    return 0


def main(arguments=None):
    options = options_of(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # in order with what pip and the server say
    try:
        return run(options)
    except LabError as error:
        return str(error)
    except KeyboardInterrupt:
        return "Stopped. Run python lab.py again: it goes on where it stopped."
    except OSError as error:
        return (
            f"{error.filename or ROOT}: {error.strerror}. The course writes .venv and work/ into "
            f"its own folder: copy it to a place that is yours and has room, and start it there."
        )


if __name__ == "__main__":
    sys.exit(main())
