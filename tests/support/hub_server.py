"""A stand-in of the hub's API on loopback: one repository of model files, and the hub's ways to
refuse them.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`with Hub("owner/name", folder) as hub:` serves `folder` as that repository at `hub.url`;
    `asked` are the paths.

    `gated` gives the names of the files, but no file. The token "expired" is refused.
    """

    def __init__(self, id: str, folder: Path, gated: bool = False):
        self.id, self.folder, self.gated, self.asked = id, folder, gated, []

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = unquote(urlsplit(self.path).path)
                outer.asked.append(path)
                status, headers, body = outer.answer(path, self.headers.get("Authorization"))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if authorization == "Bearer expired":
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b""
        if not path.startswith((f"/api/models/{self.id}/", f"/{self.id}/")):
            return (
                401,
                {"X-Error-Code": "RepoNotFound"},
                b"",
            )  # to the stranger, private and missing look alike
        call, _, rest = path.split(f"{self.id}/", 1)[1].partition("/")
        if rest.split("/")[0] not in ("main", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if call == "revision":
            return (
                200,
                {"Content-Type": "application/json"},
                json.dumps({"id": self.id, "sha": COMMIT}).encode(),
            )
        files = {file.name: file.read_bytes() for file in sorted(self.folder.iterdir())}
        if call == "tree":
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": f"{number:040x}"}
                for number, (name, data) in enumerate(files.items())
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
        if self.gated:
            return 403 if authorization else 401, {"X-Error-Code": "GatedRepo"}, b""
        name = rest.split("/", 1)[1]
        return (
            200,
            {"ETag": f'"{list(files).index(name):040x}"', "X-Repo-Commit": COMMIT},
            files[name],
        )
