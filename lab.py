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
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from tools.copies import copy_lessons
from tools.environment import LabError, set_up, write

ROOT = Path(__file__).resolve().parent
HOST = "127.0.0.1"
FIRST_PORT = 8888


def open_lab(root, python, port, with_browser):
    """Run JupyterLab on the first lesson until it is told to stop."""
    first = first_lesson(root)
    token = secrets.token_hex(24)
    command = [str(python), "-m", "jupyterlab", *server_options(root, port, first, with_browser)]
    # The token goes by the environment: a command line can be read by everyone on the machine.
    environment = dict(os.environ, JUPYTER_TOKEN=token, JUPYTER_CONFIG_DIR=str(settings(root)))
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # a closed terminal ends the server too
            signal.signal(getattr(signal, name), signal.default_int_handler)
    # Apart from this terminal: Ctrl-C reaches this process alone, which then ends the server.
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        wait_until_it_answers(server, port)
        print(f"The course is open: http://{HOST}:{port}/lab/tree/{first}?token={token}")
        print("Your notebooks are in work/. Ctrl-C here ends the server.")
        server.wait()
    except KeyboardInterrupt:
        print("\nEnding the server.")
    finally:
        stop(server)


def first_lesson(root):
    copies = sorted((root / "work").glob("00*.ipynb"))
    if not copies:
        raise LabError("This copy of the course holds no notebooks/00*.ipynb. Fetch it again.")
    return copies[0].relative_to(root).as_posix()


def server_options(root, port, first, with_browser):
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
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


def wait_until_it_answers(server, port):
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            pass
        if server.poll() is not None:
            raise LabError(
                "JupyterLab did not start; its own words stand above. If they name a package, "
                "remove the folder .venv and run python lab.py again."
            )
        time.sleep(0.1)


def stop(server, patience_s=15):
    """End the server and its kernels."""
    if os.name != "nt":  # there Ctrl-C has reached the server already
        server.terminate()
    try:
        server.wait(patience_s)
    except subprocess.TimeoutExpired:
        server.kill()


def free_port(asked=None):
    """The port that was asked for, or the first free one from 8888 on."""
    for port in [asked] if asked else range(FIRST_PORT, FIRST_PORT + 100):
        try:
            socket.create_server((HOST, port)).close()
            return port
        except OSError as error:
            why = os.strerror(error.errno)
    if asked:
        raise LabError(
            f"Port {asked} cannot be used ({why}). Choose another, such as --port {asked + 1}, or "
            f"leave --port out and a free one is found."
        )
    raise LabError(f"No free port from {FIRST_PORT} on ({why}). Name one with --port.")


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
        return subprocess.call(validate + options.only, cwd=str(ROOT))
    free_port(options.port)  # a port in use is said before the set-up, not after it
    python = set_up(ROOT, "requirements.txt")
    for notice in copy_lessons(ROOT):
        print(notice)
    open_lab(ROOT, python, free_port(options.port), not options.no_browser)
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
