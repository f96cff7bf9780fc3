"""A real JupyterLab in a real browser: what a student sees, not what the code believes.

One server on 127.0.0.1 serves a copy of the course, with a configuration of its own, and is ended
by its own process group. Without Chromium or Playwright these tests are skipped, and say why.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = (  # a browser that asks nobody but the server
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
LIMIT_MS = 60_000  # for a page or a kernel to appear, on a busy machine
WIDTH, HEIGHT = 1000, 1100  # of the page, in pixels
RUN_LIMIT_S = 180  # for all cells of a notebook


class Lab:
    """One page of JupyterLab with one notebook open; `errors` collects its page errors."""

    def __init__(self, page, url):
        self.page, self.url, self.errors = page, url, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open_notebook(self, path):
        """Open a notebook of the served copy, and wait until its kernel is idle."""
        self.page.goto(f"{self.url}/doc/tree/{path}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=LIMIT_MS)
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'",
            timeout=LIMIT_MS,
        )
        return self

    def run_all(self):
        """Run all cells; true only if each of them succeeded, in time."""
        return self.page.evaluate(
            "limit => Promise.race([window.jupyterapp.commands.execute('notebook:run-all-cells'),"
            " new Promise(give_up => setTimeout(() => give_up('not done in time'), limit))])",
            1000 * RUN_LIMIT_S,
        )

    def shut_down(self):
        """End the kernel of the notebook and close the page: both cost memory and time."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()

    def raised(self):
        """What cells raised, as `NameError: ...`."""
        return self.page.evaluate(
            "window.jupyterapp.shell.currentWidget.content.widgets.flatMap("
            " cell => cell.model.sharedModel.getOutputs?.() ?? [])"
            ".filter(output => output.output_type === 'error')"
            ".map(output => `${output.ename}: ${output.evalue}`)"
        )

    def find_cell(self, text):
        """The index of the first cell whose source holds `text`; -1 if there is none."""
        return self.page.evaluate(
            "text => window.jupyterapp.shell.currentWidget.content.widgets.findIndex("
            " cell => cell.model.sharedModel.getSource().includes(text))",
            text,
        )

    def write_cell(self, index, source):
        """Replace the source of a cell, as typing does."""
        self.page.evaluate(
            "([index, source]) => window.jupyterapp.shell.currentWidget.content.widgets[index]"
            ".model.sharedModel.setSource(source)",
            [index, source],
        )

    def run_cell(self, index):
        """Run one cell and return what it showed, as text."""
        return self.page.evaluate(
            """async index => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = index;
              await window.jupyterapp.commands.execute("notebook:run-cell");
              return notebook.widgets[index].model.sharedModel.getOutputs()
                .map(output => [].concat(output.text ?? output.data?.["text/plain"] ?? "").join(""))
                .join("");
            }""",
            index,
        )

    def clear_output(self, index):
        """Remove the output of one cell, with the views of its widgets."""
        self.page.evaluate(
            "index => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;"
            " return window.jupyterapp.commands.execute('notebook:clear-cell-output') }",
            index,
        )

    def screenshot(self, name, locator=None):
        """Save what is in sight, or one element, to `screenshots/`, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        (locator or self.page).screenshot(path=SCREENSHOTS / f"{name}.png")

    def show_whole(self):
        """Make the window as high as the notebook needs."""
        for _ in range(3):  # a cell that was never shown has only an estimated height
            height = self.page.evaluate(
                "document.querySelector('.jp-WindowedPanel-outer').scrollHeight"
            )
            self.page.set_viewport_size({"width": WIDTH, "height": min(height + 200, 15_000)})
            self.page.wait_for_timeout(500)
        self.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
        self.page.wait_for_timeout(500)

    def screenshot_whole(self, name):
        """Save the whole notebook."""
        self.show_whole()
        self.screenshot(name)
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install -r requirements-dev.txt"
    )
    if not CHROMIUM:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The folder that the server shows: a copy of the built notebooks, and room for trials."""
    root = tmp_path_factory.mktemp("served")
    for folder in ("start", "notebooks", "exercises"):
        if (COURSE / folder).is_dir():
            shutil.copytree(COURSE / folder, root / folder)
    return root


@pytest.fixture(scope="session")
def server(browser, served, tmp_path_factory):
    """The address of a JupyterLab that serves the copy. It needs the browser, or is not started."""
    home = tmp_path_factory.mktemp("jupyter")
    news = home / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    port = _free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={served}",
    ]  # fmt: skip
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "LABKIT_PROGRESS": str(home / "progress.json"),
    }
    with open(home / "server.log", "w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=served, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, home / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


@pytest.fixture(scope="session")
def new_lab(browser, server):
    """A function that opens an empty page; the pages are closed at the end of the session."""
    with contextlib.ExitStack() as pages:

        def open_page():
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            pages.callback(page.close)
            return Lab(page, server)

        yield open_page


@pytest.fixture(scope="session")
def ran(new_lab, served):
    """A function that opens a notebook and runs all its cells, once for all tests."""
    pages = {}

    def open_and_run(path):
        assert (served / path).exists(), f"{path} is missing: build it with python tools/build.py"
        if path not in pages:
            lab = new_lab().open_notebook(path)
            all_succeeded = lab.run_all()
            # Shown whole once, so that every cell has its height, and nothing moves afterwards.
            lab.screenshot_whole(Path(path).stem)
            assert all_succeeded is True, lab.raised() or all_succeeded
            pages[path] = lab
        return pages[path]

    return open_and_run


@pytest.fixture
def lab(new_lab):
    """A fresh page; after the test it must not have had a page error."""
    lab = new_lab()
    yield lab
    lab.page.close()
    assert lab.errors == []


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url, process, log, limit_s=90):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"{url}/api/status", timeout=5),
        ):
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not answer at {url}:\n{log.read_text()[-2000:]}")


def _end(process):
    """Ask the server to end, which ends its kernels; then make sure, by its own process group."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
            return
