"""The files and batches of an OpenAI-compatible provider, as routes for the fault server."""

import json

from aiohttp import web

from tests.support.fault_server import completion, good


class Provider:
    """Files and batches. A batch ends after `looks` looks at it; `behaviour` answers each line, or
    None: not done.
    """

    def __init__(self, behaviour=good, looks=1, status="completed"):
        self.behaviour, self.looks, self.status = behaviour, looks, status
        self.files, self.batches, self.calls = {}, {}, []
        self.refuse_create = None

    def routes(self):
        return [
            web.post("/v1/files", self.upload),
            web.get("/v1/files/{id}/content", self.content),
            web.post("/v1/batches", self.create),
            web.get("/v1/batches", self.list),
            web.get("/v1/batches/{id}", self.retrieve),
        ]

    async def upload(self, request):
        form = await request.post()
        assert form["purpose"] == "batch"
        id = f"file-{len(self.files)}"
        self.files[id] = form["file"].file.read().decode()
        return web.json_response({"id": id, "object": "file"})

    async def content(self, request):
        return web.Response(text=self.files[request.match_info["id"]])

    async def create(self, request):
        body = await request.json()
        assert (body["endpoint"], body["completion_window"]) == ("/v1/chat/completions", "24h")
        if self.refuse_create:
            return web.json_response({"error": {"message": "no"}}, status=self.refuse_create)
        id = f"batch_{len(self.batches)}"
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        self.calls += [line["body"]["messages"][0]["content"] for line in lines]
        counts = {"total": len(lines), "completed": 0, "failed": 0}
        shared = {
            "object": "batch",
            "status": "in_progress",
            "metadata": body["metadata"],
            "request_counts": counts,
        }
        self.batches[id] = {"id": id, "lines": lines, "looked": 0, **shared}
        return web.json_response(self.shown(id))

    def shown(self, id):
        return {
            key: value for key, value in self.batches[id].items() if key not in ("lines", "looked")
        }

    async def list(self, request):
        shown = [self.shown(id) for id in self.batches]
        return web.json_response({"object": "list", "data": shown, "has_more": False})

    async def retrieve(self, request):
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        batch["looked"] += 1
        if batch["looked"] > self.looks and batch["status"] == "in_progress":
            self.finish(batch)
        return web.json_response(self.shown(batch["id"]))

    def finish(self, batch):
        out, errors = [], []
        for line in reversed(batch["lines"]):  # results come in any order
            reply = self.behaviour(line["body"]["messages"][0]["content"], 0)
            row = {"custom_id": line["custom_id"], "error": None}
            if reply is None:
                errors.append(
                    {
                        **row,
                        "response": None,
                        "error": {"code": "batch_expired", "message": "too late"},
                    }
                )
            else:
                body = {"status_code": reply.status, "body": completion(reply, line["body"])}
                (out if reply.status == 200 else errors).append({**row, "response": body})
        batch["status"] = self.status
        for name, rows in (("output_file_id", out), ("error_file_id", errors)):
            if rows:
                batch[name] = f"file-{len(self.files)}"
                self.files[batch[name]] = "".join(
                    json.dumps(row, ensure_ascii=False) + "\n" for row in rows
                )
