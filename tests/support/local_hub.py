"""A small stand-in for the Hugging Face hub: repositories of data sets from a local folder, over
HTTP.
"""

import hashlib
import itertools
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Hub:
    """Repositories below `root`: the files of one commit in `<owner>/<name>/<commit>/`, branches in
    `refs`.
    """

    def __init__(self, root):
        self.root = Path(root)
        self.refs = {}  # (repository, branch) -> commit
        self.made = itertools.count()

    def repository(self, name, branch="main"):
        """A new commit of a repository's branch: the folder for its files."""
        commit = hashlib.sha1(f"{name} {branch} {next(self.made)}".encode()).hexdigest()
        self.refs[name, branch] = commit
        folder = self.root / name / commit
        folder.mkdir(parents=True)
        return folder

    def files(self, name, commit):
        folder = self.root / name / commit
        return {
            str(path.relative_to(folder)): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = unquote(urlsplit(self.path).path).strip("/")
        if path.startswith("api/datasets/"):
            self.answer_about(path.removeprefix("api/datasets/"))
        elif path.startswith("datasets/"):
            self.answer_file(path.removeprefix("datasets/"))
        else:
            self.send(404, b"")

    do_HEAD = do_POST = do_GET

    def answer_about(self, path):
        owner, name, *rest = path.split("/", 2)
        name = f"{owner}/{name}"
        if not any(repository == name for repository, _ in self.server.hub.refs):
            return self.send(404, b"", {"X-Error-Code": "RepoNotFound"})
        route, _, ref = (rest[0] if rest else "revision/main").partition("/")
        commit, below = self.commit(name, ref)
        if commit is None:
            return self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        files = self.server.hub.files(name, commit)
        if route == "revision":
            return self.json(
                {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]}
            )
        length = int(self.headers.get("Content-Length") or 0)
        asked = json.loads(self.rfile.read(length))["paths"] if length else [below]
        return self.json(self.entries(files, asked, route == "tree"))

    def entries(self, files, asked, inside):
        """What the tree (`inside` the paths) or paths-info (the paths themselves) says."""
        found = {}
        for path, file in files.items():
            for entry in (path, *map(str, Path(path).parents)):
                if entry != "." and any(
                    entry.startswith(f"{a}/" if a else "") if inside else entry == a for a in asked
                ):
                    found[entry] = (
                        {
                            "type": "file",
                            "path": entry,
                            "oid": etag(file),
                            "size": file.stat().st_size,
                        }
                        if entry == path
                        else {"type": "directory", "path": entry, "oid": "0" * 40, "size": 0}
                    )
        return list(found.values())

    def answer_file(self, path):
        owner, name, _, rest = path.split("/", 3)
        name = f"{owner}/{name}"
        commit, file = self.commit(name, rest)
        if commit is None:
            return self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        local = self.server.hub.files(name, commit).get(file)
        if local is None:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self.send(
            200, local.read_bytes(), {"X-Repo-Commit": commit, "ETag": f'"{etag(local)}"'}
        )

    def commit(self, name, path):
        """The commit that a path begins with, by itself or as a branch, and the rest of the
        path.
        """
        for (repository, branch), commit in self.server.hub.refs.items():
            for ref in (branch, commit):
                if repository == name and (path == ref or path.startswith(f"{ref}/")):
                    return commit, path[len(ref) + 1 :]
        return None, path

    def json(self, value):
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status, body, headers=()):
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def etag(file):
    return hashlib.sha1(file.read_bytes()).hexdigest()


@contextmanager
def serve(root):
    """The hub and its address while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = Hub(root)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
