"""A small Hugging Face Hub on the loopback interface, for tests with the real client.

It keeps repositories, commits, branches, tags and large files in memory, and answers what `huggingface_hub` and
`datasets` ask while they push, read and stream a data set without Xet. A test may plan faults for it, push as somebody
else, and read the log of what was asked. It is no model of quotas, gating or the viewer.

    with HubServer() as hub:
        subprocess.run([...], env={**os.environ, **hub.environment(tmp_path)})
        assert hub.repos["me/tiles"].head("main").files
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_TheTokenThatNobodyMayEverSee"
"""The token of user `me`."""
PAGE = 3
"""Files on one page of a tree: few, so that every listing has several."""
LFS = (".parquet", ".png", ".arrow")
LICENCES = ("mit", "apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "other", "unknown")
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")


@dataclass(frozen=True)
class Blob:
    """A file of a commit."""

    data: bytes
    lfs: bool

    @property
    def oid(self) -> str:
        """What git calls it; for a large file, of the pointer that stands for it."""
        data = self.data
        if self.lfs:
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(data)}\n"
            data = pointer.encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def sha256(self) -> str:
        """Of its content."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def etag(self) -> str:
        """What the cache of the client knows it by."""
        return self.sha256 if self.lfs else self.oid


@dataclass(frozen=True)
class Commit:
    """A state of all files."""

    sha: str
    title: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """A data set's repository."""

    id: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, title: str, files: Mapping[str, Blob], branch: str = "main") -> Commit:
        """Add a commit to a branch."""
        text = f"{len(self.commits)}{title}{[(path, blob.oid) for path, blob in sorted(files.items())]}"
        made = Commit(hashlib.sha1(text.encode()).hexdigest(), title, dict(files))
        self.commits[made.sha] = made
        self.branches[branch] = made.sha
        return made

    def head(self, revision: str = "main") -> Commit:
        """The commit of a branch, a tag or a number."""
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        if sha not in self.commits:
            raise Refusal(404, "RevisionNotFound", f"no revision {revision}")
        return self.commits[sha]


@dataclass
class Fault:
    """What goes wrong with the next requests of a kind."""

    method: str
    path: str
    """A regular expression that is searched for in the path."""
    status: int | None = None
    """What is answered; 0 to drop the connection without a word; None for what would be answered anyway."""
    times: int = 1
    after: bool = False
    """Do what was asked first, and fail then: the answer gets lost."""
    skip: int = 0
    """Let so many requests pass before."""
    act: Callable[[], object] = lambda: None
    """Called when it strikes."""


class Refusal(Exception):
    """An answer that isn't 200."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Request:
    """One entry of the log."""

    method: str
    path: str
    sent: int
    """Bytes of its body."""
    status: int


class HubServer:
    """Starts with `with`; everything in it may be looked at and changed by the test."""

    def __init__(self, tokens: Mapping[str, str] | None = None) -> None:
        self.tokens = dict(tokens or {TOKEN: "me"})
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path, token: str = TOKEN) -> dict[str, str]:
        """Variables that send the client of a subprocess here."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home / "hf"),
            "SYNTHEM_CACHE": str(home / "cache"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_TOKEN": token,
            "NO_PROXY": "127.0.0.1",
        }

    def add(self, repo_id: str, files: Mapping[str, bytes] | None = None, *, private: bool = False) -> Repo:
        """A repository as somebody made it."""
        repo = self.repos[repo_id] = Repo(repo_id, private)
        everything = {".gitattributes": b"*.parquet filter=lfs\n", **(files or {})}
        repo.commit("initial commit", {path: Blob(data, path.endswith(LFS)) for path, data in everything.items()})
        return repo

    def push(self, repo_id: str, files: Mapping[str, bytes]) -> Commit:
        """A commit of somebody else."""
        repo = self.repos[repo_id]
        new = {path: Blob(data, path.endswith(LFS)) for path, data in files.items()}
        return repo.commit("somebody else's", {**repo.head().files, **new})

    def uploaded(self) -> int:
        """Bytes of large files that were sent so far."""
        return sum(request.sent for request in self.log if request.method == "PUT" and request.status == 200)

    def asked(self, method: str, path: str) -> list[Request]:
        """Requests of a kind; `path` is a regular expression."""
        return [request for request in self.log if request.method == method and re.search(path, request.path)]

    def fault(self, method: str, path: str) -> Fault | None:
        """The planned fault that strikes this request."""
        for planned in self.faults:
            if planned.times and planned.method == method and re.search(planned.path, path):
                if planned.skip:
                    planned.skip -= 1
                    continue
                planned.times -= 1
                return planned
        return None


NAME = r"(?P<id>[\w.-]+/[\w.-]+)"
Answer = tuple[Any, dict[str, str]]


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is a list."""

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = b"".join(iter(self._chunk, b""))
        parts = urlsplit(self.path)
        path, self.query = parts.path, parse_qs(parts.query)
        with self.hub.lock:
            fault = self.hub.fault(self.command, path)
            if fault:
                fault.act()
            status, data, headers = 0, b"planned by the test", {}
            if fault is None or fault.status is None or fault.after:
                status, data, headers = self._answer(path)
            if fault and fault.status is not None:
                status, data, headers = fault.status, b"planned by the test", {}
            self.hub.log.append(Request(self.command, path, len(self.body), status))
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return data

    def _answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        for method, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                try:
                    content, headers = handler(self, **{k: unquote(v) for k, v in found.groupdict("").items()})
                except Refusal as refusal:
                    told = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
                    content = {"error": refusal.message, "errors": [{"message": refusal.message}]}
                    return refusal.status, json.dumps(content).encode(), {k: v for k, v in told.items() if v}
                status = int(headers.pop("status", "200"))
                return status, content if isinstance(content, bytes) else json.dumps(content).encode(), headers
        return 404, b"{}", {"X-Error-Code": "EntryNotFound"}

    def _user(self) -> str:
        """Who asks; empty for nobody.

        Raises:
            Refusal: a token that isn't known.
        """
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        return self.hub.tokens.get(token, "")

    def _repo(self, id: str, write: bool = False) -> Repo:
        user, owner = self._user(), id.split("/")[0]
        repo = self.hub.repos.get(id)
        if repo is None or (repo.private and user != owner):
            raise Refusal(404, "RepoNotFound", "Repository not found")
        if write and user != owner:
            raise Refusal(403, "", "You don't have the required permissions")
        return repo

    def whoami(self) -> Answer:
        if not self._user():
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        return {"type": "user", "name": self._user(), "auth": {"type": "access_token"}}, {}

    def create(self) -> Answer:
        asked = json.loads(self.body)
        user = self._user()
        owner = asked.get("organization") or user
        if owner != user:
            raise Refusal(403, "", f"You don't have the rights to create a dataset under the namespace {owner!r}")
        id = f"{owner}/{asked['name']}"
        if id in self.hub.repos:
            raise Refusal(409, "", "You already created this dataset repo")
        self.hub.add(id, private=bool(asked.get("private")) or asked.get("visibility") == "private")
        return {"url": f"{self.hub.url}/datasets/{id}", "name": id, "id": id}, {}

    def delete(self) -> Answer:
        asked = json.loads(self.body)
        id = f"{asked.get('organization') or self._user()}/{asked['name']}"
        del self.hub.repos[self._repo(id, write=True).id]
        return {}, {}

    def validate(self) -> Answer:
        """Refuses metadata that the Hub would refuse: no mapping, unknown licence or size, a split without files."""
        content = json.loads(self.body)["content"]
        found = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        if not found:
            return {"warnings": [{"message": "empty or missing yaml metadata in repo card"}]}, {}
        try:
            about = yaml.safe_load(found[1])
            assert isinstance(about, dict), "metadata are no mapping"
            assert set(_list(about.get("license", "unknown"))) <= {*LICENCES}, '"license" must be a known licence'
            link = about.get("license_link", "LICENSE")
            assert link in ("LICENSE", "LICENSE.md") or "://" in link, '"license_link" must be a file or an address'
            assert all(size in SIZES for size in about.get("size_categories", [])), '"size_categories" is unknown'
            assert all(isinstance(tag, str) for tag in about.get("tags", [])), '"tags" must be strings'
            for config in about.get("configs", []):
                assert isinstance(config["config_name"], str), '"configs" need names'
                assert all(file["split"] and file["path"] for file in config["data_files"]), '"data_files" is broken'
        except (AssertionError, KeyError, TypeError, yaml.YAMLError) as error:
            raise Refusal(400, "", str(error)) from None
        return {"errors": [], "warnings": []}, {}

    def info(self, id: str, revision: str = "") -> Answer:
        repo = self._repo(id)
        head = repo.head(revision or "main")
        siblings = [{"rfilename": path} for path in sorted(head.files)]
        about = {"_id": "0" * 24, "id": id, "author": id.split("/")[0], "sha": head.sha, "private": repo.private}
        about |= {"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"}
        return {
            **about,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": siblings,
        }, {}

    def refs(self, id: str) -> Answer:
        repo = self._repo(id)

        def listed(kind: str, table: Mapping[str, str]) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": sha} for n, sha in table.items()]

        return {"branches": listed("heads", repo.branches), "tags": listed("tags", repo.tags), "converts": []}, {}

    def commits(self, id: str, revision: str) -> Answer:
        repo = self._repo(id)
        repo.head(revision)
        newest_first = list(repo.commits.values())[::-1]
        described = {"authors": [], "date": "2026-01-01T00:00:00.000Z", "message": ""}
        return [{"id": commit.sha, "title": commit.title, **described} for commit in newest_first], {}

    def tree(self, id: str, revision: str, path: str = "") -> Answer:
        files = self._repo(id).head(revision).files
        prefix = f"{path}/" if path else ""
        inside = {name: blob for name, blob in files.items() if name.startswith(prefix)}
        if not inside:
            raise Refusal(404, "EntryNotFound", f"no {path}")
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        folders = {name[: name.index("/", len(prefix))] for name in inside if "/" in name[len(prefix) :]}
        shown = [_file(name, blob) for name, blob in sorted(inside.items()) if deep or "/" not in name[len(prefix) :]]
        shown += [{"type": "directory", "path": name, "oid": "0" * 40, "size": 0} for name in sorted(folders)]
        start = int(self.query.get("cursor", ["0"])[0])
        if start + PAGE >= len(shown):
            return shown[start:], {}
        others = "&".join(f"{key}={value[0]}" for key, value in self.query.items() if key != "cursor")
        address = f"{self.hub.url}{urlsplit(self.path).path}?{others}&cursor={start + PAGE}"
        return shown[start : start + PAGE], {"Link": f'<{address}>; rel="next"'}

    def paths(self, id: str, revision: str) -> Answer:
        files = self._repo(id).head(revision).files
        form = parse_qs(self.body.decode())
        asked = form.get("paths") or _list(json.loads(self.body)["paths"])
        found = [_file(path, files[path]) for path in asked if path in files]
        folders = [path for path in asked if path not in files and any(name.startswith(f"{path}/") for name in files)]
        return [*found, *({"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders)], {}

    def preupload(self, id: str, revision: str) -> Answer:
        files = self._repo(id, write=True).head(revision).files

        def mode(file: Mapping[str, Any]) -> dict[str, Any]:
            path = file["path"]
            held = files.get(path)
            lfs = path.endswith(LFS)
            oid = None if held is None else held.etag
            return {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, "oid": oid}

        return {"files": [mode(file) for file in json.loads(self.body)["files"]]}, {}

    def batch(self, id: str) -> Answer:
        self._repo(id, write=True)

        def action(asked: Mapping[str, Any]) -> dict[str, Any]:
            oid = asked["oid"]
            told = {"oid": oid, "size": asked["size"]}
            if oid in self.hub.large:
                return told
            verify = {"href": f"{self.hub.url}/lfs/{id}/verify"}
            return {**told, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{oid}"}, "verify": verify}}

        return {"transfer": "basic", "objects": [action(one) for one in json.loads(self.body)["objects"]]}, {}

    def put(self, oid: str) -> Answer:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refusal(400, "", "the content isn't what its number says")
        self.hub.large[oid] = self.body
        return {}, {}

    def verify(self, id: str) -> Answer:
        asked = json.loads(self.body)
        if len(self.hub.large.get(asked["oid"], b"")) != asked["size"]:
            raise Refusal(404, "", "it isn't there")
        return {}, {}

    def commit(self, id: str, revision: str) -> Answer:
        repo = self._repo(id, write=True)
        head = repo.head(revision)
        files, title = dict(head.files), ""
        for line in self.body.splitlines():
            entry = json.loads(line)
            key, value = entry["key"], entry["value"]
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit", head.sha) != head.sha:
                    raise Refusal(412, "", "A commit has happened since. Please refresh and try again.")
            elif key == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
            elif key == "lfsFile":
                if value["oid"] not in self.hub.large:
                    raise Refusal(400, "", f"{value['path']}: its content was never uploaded")
                files[value["path"]] = Blob(self.hub.large[value["oid"]], True)
            elif key == "deletedFile":
                del files[value["path"]]
            elif key == "deletedFolder":
                files = {path: blob for path, blob in files.items() if not path.startswith(value["path"])}
            else:
                raise Refusal(400, "", f"{key}: no such operation")
        made = repo.commit(title, files, revision)
        return {"commitOid": made.sha, "commitUrl": f"{self.hub.url}/datasets/{id}/commit/{made.sha}"}, {}

    def tag(self, id: str, revision: str) -> Answer:
        repo, name = self._repo(id, write=True), json.loads(self.body)["tag"]
        if name in repo.tags:
            raise Refusal(409, "", "Tag reference exists already")
        repo.tags[name] = repo.head(revision).sha
        return {}, {}

    def branch(self, id: str, name: str) -> Answer:
        repo = self._repo(id, write=True)
        if name in repo.branches:
            raise Refusal(409, "", "Reference already exists")
        start = json.loads(self.body or b"{}").get("startingPoint") or "main"
        repo.branches[name] = repo.head(start).sha
        return {}, {}

    def resolve(self, id: str, revision: str, path: str) -> Answer:
        head = self._repo(id).head(revision)
        if path not in head.files:
            raise Refusal(404, "EntryNotFound", f"no {path}")
        blob = head.files[path]
        size, etag = len(blob.data), f'"{blob.etag}"'
        headers = {"X-Repo-Commit": head.sha, "ETag": etag, "Accept-Ranges": "bytes"}
        if blob.lfs:
            headers |= {"X-Linked-Size": str(size), "X-Linked-ETag": etag}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if self.command == "HEAD":
            return b"", {**headers, "Content-Length": str(size)}
        if wanted is None:
            return blob.data, headers
        first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        return blob.data[first : last + 1], {
            **headers,
            "status": "206",
            "Content-Range": f"bytes {first}-{last}/{size}",
        }


def _file(path: str, blob: Blob) -> dict[str, Any]:
    about: dict[str, Any] = {"type": "file", "path": path, "oid": blob.oid, "size": len(blob.data)}
    if blob.lfs:
        about["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 130}
    return about


def _list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


_REVISION = r"(?P<revision>[^/]+)"
ROUTES: tuple[tuple[tuple[str, ...], str, Callable[..., Answer]], ...] = (
    (("GET",), "/api/whoami-v2", _Handler.whoami),
    (("POST",), "/api/repos/create", _Handler.create),
    (("DELETE",), "/api/repos/delete", _Handler.delete),
    (("POST",), "/api/validate-yaml", _Handler.validate),
    (("GET",), f"/api/datasets/{NAME}", _Handler.info),
    (("GET",), f"/api/datasets/{NAME}/revision/{_REVISION}", _Handler.info),
    (("GET",), f"/api/datasets/{NAME}/refs", _Handler.refs),
    (("GET",), f"/api/datasets/{NAME}/commits/{_REVISION}", _Handler.commits),
    (("GET",), f"/api/datasets/{NAME}/tree/{_REVISION}(?:/(?P<path>.*))?", _Handler.tree),
    (("POST",), f"/api/datasets/{NAME}/paths-info/{_REVISION}", _Handler.paths),
    (("POST",), f"/api/datasets/{NAME}/preupload/{_REVISION}", _Handler.preupload),
    (("POST",), f"/datasets/{NAME}.git/info/lfs/objects/batch", _Handler.batch),
    (("PUT",), r"/lfs/(?P<oid>[0-9a-f]{64})", _Handler.put),
    (("POST",), f"/lfs/{NAME}/verify", _Handler.verify),
    (("POST",), f"/api/datasets/{NAME}/commit/{_REVISION}", _Handler.commit),
    (("POST",), f"/api/datasets/{NAME}/tag/{_REVISION}", _Handler.tag),
    (("POST",), f"/api/datasets/{NAME}/branch/(?P<name>[^/]+)", _Handler.branch),
    (("GET", "HEAD"), f"/datasets/{NAME}/resolve/{_REVISION}/(?P<path>.+)", _Handler.resolve),
)
