"""Who may do what by the API: several users and tokens with scopes, and a line in the log for each change."""
import base64
import json
import re

import topology as top
from cluster_client import SIGNED, sign
from support import gb, httpc

AUTH = top.API.replace("}", """auth { enabled on; user sup geheim read+kick; bearer graf t-read read; bearer ops t-ops config; } }""")


def bearer(token):
    return {"Authorization": "Bearer " + token}


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def ask(server, path, headers, method="GET"):
    return httpc.fetch(server.api_url(path), method, headers=headers)


def answer(response):
    return json.loads(response.content)


def test_each_caller_may_do_what_its_scopes_say(t):
    """read sees, kick disconnects, config drains; each is refused the rest by 403, and a stranger by 401."""
    s = t.server("srs", top.local().replace(top.API, AUTH))
    t.publish(s.url("live/x"))
    probe = t.probe(s.url("live/x")).wait_frames(5)
    unknown = ask(s, "/api/v1/clients/", {})
    assert unknown.status == 401 and "Bearer" in str(unknown.headers), unknown.headers
    assert ask(s, "/api/v1/clients/", bearer("t-rea")).status == 401
    assert ask(s, "/api/v1/clients/", bearer("t-read")).status == 200
    assert ask(s, "/api/v1/clients/", bearer("t-ops")).status == 403
    who = next(c["id"] for c in answer(ask(s, "/api/v1/clients/", basic("sup:geheim")))["clients"] if not c["publish"])
    refused = ask(s, "/api/v1/clients/" + who, bearer("t-read"), "DELETE")
    assert refused.status == 403 and "kick" in answer(refused)["why"], refused.content
    assert ask(s, "/api/v1/drain", basic("sup:geheim"), "POST").status == 403
    assert answer(ask(s, "/api/v1/clients/" + who, basic("sup:geheim"), "DELETE"))["code"] == 0
    probe.wait_ended()
    assert answer(ask(s, "/api/v1/drain", bearer("t-ops"), "POST"))["data"]["state"] == "announced"
    assert answer(ask(s, "/api/v1/drain", bearer("t-ops"), "DELETE"))["data"]["state"] == "off"
    s.wait_log(f'audit: "?sup"? from 127.0.0.1: DELETE /api/v1/clients/{who}: code 0')
    s.wait_log('audit: "?ops"? from 127.0.0.1: POST /api/v1/drain: code 0')
    assert "geheim" not in s.log() and "t-ops" not in s.log()


def test_the_secret_is_no_password(t):
    """Where servers sign, a person with a scope may see the cluster without the secret, and the secret lets nobody in who
    does not sign."""
    s = t.server("srs", top.clustered("127.0.0.1:1", more="secret the-secret;").replace(top.API, AUTH))
    t.publish(s.url("live/x"))
    assert ask(s, "/api/v1/clusters/streams", {}).status == 401
    assert ask(s, "/api/v1/clusters/streams", bearer("the-secret")).status == 401
    assert ask(s, "/api/v1/clusters/streams", basic("srs:the-secret")).status == 401
    assert ask(s, "/api/v1/clients/", bearer("the-secret")).status == 401
    assert ask(s, "/api/v1/clusters/streams", bearer("t-read")).status == 200
    assert ask(s, "/api/v1/clusters/clients/none", bearer("t-read"), "DELETE").status == 403
    assert answer(ask(s, "/api/v1/clusters/clients/none", basic("sup:geheim"), "DELETE"))["code"] == 2049


def test_rules_of_writes_hold_for_people_on_the_routes_of_servers(t):
    """`writes loopback` and the origins of pages apply to who kicks through a route of the cluster with name and password;
    a signed request of another server is exempt."""
    api = AUTH.replace("auth {", "writes loopback; auth {", 1)
    s = t.server("srs", top.clustered("127.0.0.1:1", more=SIGNED).replace(top.API, api))
    path, kicker = "/api/v1/clusters/clients/none", basic("sup:geheim")
    assert answer(ask(s, path, kicker, "DELETE"))["code"] == 2049
    for elsewhere in ({"X-Forwarded-For": "203.0.113.1"}, {"Origin": "http://evil.example"}):
        assert ask(s, path, kicker | elsewhere, "DELETE").status == 403, elsewhere
        assert ask(s, "/api/v1/clusters/streams", kicker | elsewhere).status == 200, elsewhere
    service = answer(ask(s, "/api/v1/versions", kicker))["service"]
    signed = sign("DELETE", path, service) | {"X-Forwarded-For": "203.0.113.1"}
    assert answer(ask(s, path, signed, "DELETE"))["code"] == 2049


def test_every_change_leaves_a_line(t):
    """Whatever changes something leaves who, from where, what and the code of the answer, whether or not it was possible:
    kicks here and in the cluster, recordings, the drain, announced cameras, the reload. What only reads leaves none."""
    api = AUTH.replace("auth {", "raw_api { enabled on; allow_reload on; } auth {", 1)
    dvr = "dvr { enabled on; dvr_plan session; dvr_path ./rec/[app]/[stream].[timestamp].flv; dvr_apply none; }"
    s = t.server("srs", top.conf(dvr, top=gb.CONF % ("", "")).replace(top.API, api))
    t.publish(s.url("live/x"))
    s.wait_log("publishing /live/x")
    sup, ops = basic("sup:geheim"), bearer("t-ops")
    announced = b'{"id":"cam","ssrc":"1234567890"}'
    for who, headers, method, path, body, code in (
            ("sup", sup, "DELETE", "/api/v1/clients/none", b"", 2049), ("sup", sup, "DELETE", "/api/v1/clusters/clients/none", b"", 2049),
            ("ops", ops, "POST", "/api/v1/recordings?app=live&stream=x", b"", 0),
            ("ops", ops, "DELETE", "/api/v1/recordings?app=live&stream=x", b"", 0),
            ("ops", ops, "POST", "/api/v1/recordings?app=live&stream=none", b"", 2048),
            ("ops", ops, "POST", "/gb/v1/publish/", announced, 0), ("ops", ops, "DELETE", "/gb/v1/publish/?id=cam", b"", 0),
            ("ops", ops, "GET", "/api/v1/raw?rpc=reload", b"", 0), ("ops", ops, "POST", "/api/v1/drain", b"", 0),
            ("ops", ops, "DELETE", "/api/v1/drain", b"", 0)):
        r = httpc.fetch(s.api_url(path), method, headers=headers, body=body)
        assert r.status == 200 and answer(r)["code"] == code, (method, path, r.status, r.content)
        s.wait_log(f'audit: "?{who}"? from 127.0.0.1: {method} "?{re.escape(path)}"?: code {code}')
    lines = s.log().count("audit: ")
    for path in ("clients/", "recordings", "drain", "raw?rpc=raw", "rtc", "srt", "gb/devices/", "certificates"):
        assert ask(s, "/api/v1/" + path, bearer("t-read")).status == 200, path
    assert s.log().count("audit: ") == lines == 10
