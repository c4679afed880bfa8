"""A server on this machine that answers as Overpass does; none of Overpass is in it.

It answers the queries that osmnx writes from an .osm.pbf file, by reading filters and polygon
in the query's text, and fails in a chosen way when told to.
"""

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import numpy as np
import osmium
import shapely

KIND = {"n": "node", "w": "way", "r": "relation"}
LEVEL = re.compile(r"relation\['admin_level'='(\d+)'\]\(poly:'([^']*)'\)")
TERM = re.compile(r'\["([^"]+)"(?:(!?[=~])"([^"]*)")?\]')
SNAPSHOT = "2023-12-26T21:21:22Z"


REMARK = {"elements": [], "remark": "runtime error: Query timed out in query at line 1"}
PLAIN = {
    "limited": (429, b"too many", {"Retry_After": "7"}),
    "limited, see status": (429, b"too many", {}),
    "busy": (504, b"<html>busy</html>", {}),
    "html": (200, b"<?xml version='1.0'?><html>overloaded</html>", {}),
    "remark": (200, json.dumps(REMARK).encode(), {}),
    "bad query": (400, b"<html>line 1: parse error</html>", {}),
    "not elements": (200, b'["what?"]', {}),
}


def accepts(tags, key, operator, value):
    if not operator:
        return key in tags
    if "=" in operator:
        yes = tags.get(key) == value
    else:
        yes = key in tags and re.search(value, tags[key]) is not None
    return yes is not operator.startswith("!")


class StandIn:
    """Holds the data, the queries received, and how to behave: one word for each request."""

    def __init__(self, path):
        self.nodes, self.ways, self.relations = {}, [], []
        for thing in osmium.FileProcessor(str(path)):
            if thing.is_node():
                self.nodes[thing.id] = (thing.lon, thing.lat)
            elif thing.is_way():
                self.ways.append(
                    (thing.id, {t.k: t.v for t in thing.tags}, [n.ref for n in thing.nodes])
                )
            elif thing.is_relation():
                members = [
                    {"type": KIND[m.type], "ref": m.ref, "role": m.role} for m in thing.members
                ]
                self.relations.append((thing.id, {t.k: t.v for t in thing.tags}, members))
        self.boxes = [np.array([self.nodes[n] for n in refs]) for _, _, refs in self.ways]
        self.queries, self.agents, self.behaviour = [], [], []
        self.status = "Connected as: 1\nRate limit: 2\n"
        self.seen_status = 0

    def boundaries(self, level, poly):
        """Return the whole relations of a level that have a way in the polygon."""
        lat, lon = np.array(poly.split(), float).reshape(-1, 2).T
        area = shapely.Polygon(np.column_stack((lon, lat)))
        ways = {way: (refs, tags) for way, tags, refs in self.ways}
        found, wanted = [], {}
        for number, tags, members in self.relations:
            refs = [m["ref"] for m in members if m["type"] == "way" and m["ref"] in ways]
            lines = [shapely.LineString([self.nodes[n] for n in ways[r][0]]) for r in refs]
            if tags.get("admin_level") == level and any(map(area.intersects, lines)):
                found.append({"type": "relation", "id": number, "members": members, "tags": tags})
                wanted.update(dict.fromkeys(refs))
        lines = [{"type": "way", "id": w, "nodes": ways[w][0], "tags": ways[w][1]} for w in wanted]
        nodes = [
            {"type": "node", "id": n, "lon": self.nodes[n][0], "lat": self.nodes[n][1]}
            for n in dict.fromkeys(n for w in wanted for n in ways[w][0])
        ]
        return {"osm3s": {"timestamp_osm_base": SNAPSHOT}, "elements": nodes + lines + found}

    def answer(self, query):
        features = LEVEL.search(query)
        if features:
            return self.boundaries(*features.groups())
        terms = TERM.findall(query.split("(poly:")[0])
        numbers = re.search(r"\(poly:'([^']*)'\)", query)[1].split()
        lat, lon = np.array(numbers, float).reshape(-1, 2).T
        area = shapely.Polygon(np.column_stack((lon, lat)))
        shapely.prepare(area)
        elements, wanted = [], {}
        for (way, tags, refs), xy in zip(self.ways, self.boxes, strict=True):
            if all(accepts(tags, *t) for t in terms) and area.intersects(shapely.LineString(xy)):
                elements.append({"type": "way", "id": way, "nodes": refs, "tags": tags})
                wanted.update(dict.fromkeys(refs))
        nodes = [
            {"type": "node", "id": n, "lon": self.nodes[n][0], "lat": self.nodes[n][1]}
            for n in wanted
        ]
        return {"osm3s": {"timestamp_osm_base": SNAPSHOT}, "elements": nodes + elements}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        short = headers.pop("short", 0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + short))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if short:
            self.wfile.flush()
            self.close_connection = True

    def do_GET(self):
        self.server.standin.seen_status += 1
        self.reply(200, self.server.standin.status.encode(), "text/plain")

    def do_POST(self):
        standin = self.server.standin
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = parse_qs(sent)["data"][0]
        standin.queries.append(query)
        standin.agents.append(self.headers["User-Agent"])
        how = standin.behaviour.pop(0) if standin.behaviour else "well"
        whole = json.dumps(standin.answer(query)).encode()
        if how in PLAIN:
            status, body, headers = PLAIN[how]
            self.reply(status, body, **headers)
        elif how == "partial":
            part = json.loads(whole)
            part["elements"] = part["elements"][: len(part["elements"]) // 2]
            part["remark"] = 'runtime error: Query run out of memory in "recurse" at line 1'
            self.reply(200, json.dumps(part).encode())
        elif how == "half":
            self.reply(200, whole[: len(whole) // 2])
        elif how == "cut":
            self.reply(200, whole[:100], short=1000)
        elif how == "hang up":
            self.close_connection = True
        else:
            if how == "slow":
                time.sleep(0.6)
            with contextlib.suppress(OSError):
                self.reply(200, whole)


@contextlib.contextmanager
def served(path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.standin = StandIn(path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        server.standin.address = f"http://127.0.0.1:{server.server_port}/api"
        yield server.standin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
