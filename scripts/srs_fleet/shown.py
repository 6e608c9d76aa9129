"""What a fleet looks like: as a table, and as units for systemd."""
import os
import shlex


def seconds(n):
    return f"{n // 86400}d{n // 3600 % 24}h" if n >= 86400 else f"{n // 3600}h{n // 60 % 60}m" if n >= 3600 \
        else f"{n // 60}m{n % 60}s" if n >= 60 else f"{n}s"


def table(rows):
    head = ("NAME", "STATE", "PID", "UP", "RESTARTS", "CPU", "RTMP", "HTTP", "API", "CLIENTS", "STREAMS", "CPU %", "MB")
    lines = [head]
    for r in rows:
        number = {k: "-" if r[k] is None else str(r[k]) for k in ("cpu", "connections", "streams")}
        load = "-" if r["cpu_percent"] is None else f"{r['cpu_percent']:.1f}"
        memory = "-" if r["memory_kb"] is None else f"{r['memory_kb'] / 1024:.0f}"
        lines.append((r["name"], r["state"], str(r["pid"] or "-"), seconds(r["uptime"]), str(r["restarts"]),
                      number["cpu"], r["listen"] or "-", r["http"] or "-", r["api"], number["connections"],
                      number["streams"], load, memory))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines)


def write_units(fleet, folder):
    """A drop-in for each member of the template srs@.service, and a target that wants them all."""
    wants = "".join(f"Wants=srs@{m.name}.service\n" for m in fleet.members)
    files = {"srs-fleet.target": f"[Unit]\nDescription=The servers of {fleet.source}\n{wants}\n"
                                 "[Install]\nWantedBy=multi-user.target\n"}
    for m in fleet.members:
        env = dict(m.env())
        for key in ("SRS_SRS_LOG_TANK", "SRS_SRS_LOG_FILE", "SRS_PID"): # the journal, and a folder of the unit
            env.pop(key)
        env.update(SRS_SRS_LOG_TANK="console", SRS_PID=f"/var/lib/srs/{m.name}.pid")
        program, conf = shlex.quote(fleet.program), shlex.quote(m.conf)
        lines = ["[Unit]", "PartOf=srs-fleet.target", "", "[Service]"]
        lines += [f'Environment="{k}={v}"' for k, v in sorted(env.items())]
        lines += [] if m.cpu is None else [f"CPUAffinity={m.cpu}"]
        lines += ["ExecStartPre=", f"ExecStartPre={program} -t -c {conf}",
                  "ExecStart=", f"ExecStart={program} -c {conf}", ""]
        files[f"srs@{m.name}.service.d/fleet.conf"] = "\n".join(lines)
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        print(path)
