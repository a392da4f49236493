"""What groups/serving.py runs in the serving environment: train, ask, a plain KServe server."""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

WARM_UP = 30


def train(source: str, folder: str, rounds: str) -> None:
    """Train trees on a table whose target is `class`, and keep a row of it."""
    import pyarrow.parquet as pq

    from tests.serving import predictors

    rows = pq.read_table(source)
    table = predictors.write(Path(folder, "table"), rows, "class")
    model = predictors.trees(table, rounds=int(rounds), max_depth=6, learning_rate=0.1)
    predictors.save(model, table, Path(folder, "model"))
    row = predictors.rows_of(table, 1)[0]
    numbers = {name: float(row[name]) for name in model.info.numeric}
    Path(folder, "row.json").write_text(json.dumps(row | numbers))


def ask(url: str, body: str, rate: str, seconds: str) -> None:
    """Ask at a fixed rate and print the quantiles of the answers' times."""
    parts = urlsplit(url)
    text = Path(body).read_bytes()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    found, failed, took = asyncio.run(
        _ask(parts.hostname, parts.port, head.encode() + text, float(rate), float(seconds))
    )
    found.sort()
    quantiles = {f"p{100 * q:g} ms": 1000 * found[int(q * len(found))] for q in (0.5, 0.95, 0.99)}
    print(json.dumps({**quantiles, "answers/s": len(found) / took, "failed": failed}))


async def _ask(host, port, request, rate, seconds):
    free, times, failed = [], [], 0

    async def connection():
        while free:
            reader, writer = free.pop()
            # A server may have ended one that nobody used for some seconds.
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(host, port)

    async def one(due):
        nonlocal failed
        reader, writer = await connection()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        (length,) = (int(t.split(b":")[1]) for t in lines if t.startswith(b"content-length"))
        await reader.readexactly(length)
        if b" 200 " in head[:15]:
            times.append(time.perf_counter() - due)
        else:
            failed += 1
        free.append((reader, writer))

    for _ in range(WARM_UP):
        await one(time.perf_counter())
    times.clear()
    start, asked = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked.append(asyncio.create_task(one(due)))
    await asyncio.gather(*asked)
    return times, failed, time.perf_counter() - start


def kserve(folder: str, port: str) -> None:
    """Serve as KServe's own guide has it: a data frame of the instances, and predict_proba."""
    import pandas as pd
    from kserve import Model, ModelServer

    from holdfast.model import load_model

    class Plain(Model):
        def __init__(self) -> None:
            super().__init__("adult")
            self.model = load_model(folder).pipeline
            self.ready = True

        def predict(self, payload, headers=None):
            frame = pd.DataFrame(payload["instances"])
            return {"predictions": self.model.predict_proba(frame).tolist()}

    ModelServer(http_port=int(port), enable_grpc=False).start([Plain()])


if __name__ == "__main__":
    {"train": train, "ask": ask, "kserve": kserve}[sys.argv[1]](*sys.argv[2:])
