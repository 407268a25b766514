"""The write side of a model hub's API, as routes for the fault server: what the real client sends
ends in `files`.
"""

import base64
import hashlib
import json

import yaml
from aiohttp import web

TOKEN = "hf_write"
LARGE = (
    ".safetensors",
    "tokenizer.json",
    ".parquet",
)  # kept outside git, as by the hub's own .gitattributes


class ModelHub:
    """One hub with one user. `files` is repository -> path -> bytes, `commits` the messages in
    their order.
    """

    def __init__(self):
        self.files, self.commits, self.large = {}, [], {}

    def routes(self):
        found = [
            web.post("/api/repos/create", self.create),
            web.post("/api/validate-yaml", self.validate),
            web.put("/large/{oid}", self.store),
        ]
        for kind, prefix in (("models", ""), ("datasets", "/datasets")):
            repository = f"/api/{kind}/{{owner}}/{{name}}"
            batch = f"{prefix}/{{owner}}/{{name}}.git/info/lfs/objects/batch"
            found += [
                web.post(f"{repository}/preupload/main", self.preupload),
                web.post(batch, self.batch),
                web.post(f"{repository}/commit/main", self.commit),
            ]
        return found

    def repository(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized(text=json.dumps({"error": "Invalid credentials"}))
        repo = (
            "{owner}/{name}".format(**request.match_info) if "name" in request.match_info else None
        )
        if repo is not None and repo not in self.files:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        return repo

    async def create(self, request):
        self.repository(request)
        body = await request.json()
        repo = f"{body['organization']}/{body['name']}"
        status = 409 if repo in self.files else 200
        self.files.setdefault(repo, {})
        prefix = "/datasets" if body.get("type") == "dataset" else ""
        return web.json_response({"url": f"{request.url.origin()}{prefix}/{repo}"}, status=status)

    async def validate(self, request):
        head = (await request.json())["content"].split("---\n")[1]
        wrong = [] if isinstance(yaml.safe_load(head), dict) else [{"message": "no mapping"}]
        return web.json_response({"errors": wrong, "warnings": []}, status=400 if wrong else 200)

    async def preupload(self, request):
        self.repository(request)
        files = [
            {
                "path": file["path"],
                "shouldIgnore": False,
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
            }
            for file in (await request.json())["files"]
        ]
        return web.json_response({"files": files})

    async def batch(self, request):
        self.repository(request)
        body = await request.json()
        objects = [
            {
                **wanted,
                "actions": {"upload": {"href": f"{request.url.origin()}/large/{wanted['oid']}"}},
            }
            for wanted in body["objects"]
        ]
        return web.json_response({"transfer": "basic", "objects": objects})

    async def store(self, request):
        content = await request.read()
        assert hashlib.sha256(content).hexdigest() == request.match_info["oid"]
        self.large[request.match_info["oid"]] = content
        return web.Response()

    async def commit(self, request):
        repo = self.repository(request)
        for line in (await request.read()).splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.commits.append(value["summary"])
            elif entry["key"] == "file":
                self.files[repo][value["path"]] = base64.b64decode(value["content"])
            else:
                assert entry["key"] == "lfsFile"
                self.files[repo][value["path"]] = self.large[value["oid"]]
        address = f"{request.url.origin()}/{repo}/commit/{len(self.commits):040x}"
        return web.json_response({"commitUrl": address, "commitOid": f"{len(self.commits):040x}"})
