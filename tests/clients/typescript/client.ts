// QuantStream from TypeScript: the last 100 candles, then live ones, through restarts of either
// side.
//
//     node client.js ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
//                    [--policy conflate|skip|disconnect] [--subscribe] [--think-ms N]
//
// Prints one line of JSON for each state of a candle that it receives, and what else happens on
// stderr. With --state it goes on where it was stopped or killed: no candle is missing.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { credentials, Metadata, ServiceError, status } from "@grpc/grpc-js";

import { ErrorInfo, RetryInfo } from "./google/rpc/error_details";
import { Status } from "./google/rpc/status";
import { Duration } from "./google/protobuf/duration";
import { Candle } from "./quantstream/v1/candle";
import {
  GetCandlesRequest, GetCandlesResponse, MarketDataClient, SlowConsumerPolicy,
  StreamCandlesRequest, StreamCandlesResponse, SubscribeRequest,
} from "./quantstream/v1/market_data";

const POLICIES: Record<string, SlowConsumerPolicy> = {
  conflate: SlowConsumerPolicy.SLOW_CONSUMER_POLICY_CONFLATE,
  skip: SlowConsumerPolicy.SLOW_CONSUMER_POLICY_SKIP_AND_TELL,
  disconnect: SlowConsumerPolicy.SLOW_CONSUMER_POLICY_DISCONNECT,
};

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    state: { type: "string", default: "" },
    policy: { type: "string", default: "conflate" },
    subscribe: { type: "boolean", default: false },
    "think-ms": { type: "string", default: "0" },
  },
});
if (positionals.length !== 4 || !(options.policy! in POLICIES)) {
  console.error("usage: client.js ADDRESSES INSTRUMENTS INTERVALS SECONDS [options]");
  process.exit(2);
}
const [addresses, instruments, intervals] = positionals.slice(0, 3).map((list) => list.split(","));
const deadline = Date.now() + Number(positionals[3]) * 1000;
const policy = POLICIES[options.policy!];

// The newest resume token: where the stream stands.
let token = options.state && existsSync(options.state) ? readFileSync(options.state, "ascii") : "";

// Call it when the candles before this token are printed: they will not come again.
function moveTo(next: string): void {
  token = next;
  if (!options.state) return;
  writeFileSync(options.state + ".new", next);
  renameSync(options.state + ".new", options.state); // a crash leaves the old one or the new one
}

function show(candle: Candle, source: string): void {
  // Decimals are strings, so that no digit is lost; so is what may pass 2^53.
  console.log(JSON.stringify({
    source,
    instrument: candle.instrument,
    interval: `${candle.interval!.seconds}s`,
    open_time: candle.openTime!.toISOString().replace(".000Z", "Z"),
    open: candle.open,
    high: candle.high,
    low: candle.low,
    close: candle.close,
    volume: candle.volume,
    vwap: candle.vwap,
    trade_count: candle.tradeCount,
    state: candle.state,
    version: candle.version,
  }));
}

// Prints all pages of an answer.
async function showPages(
  client: MarketDataClient, request: GetCandlesRequest, source: string,
): Promise<void> {
  do {
    const page = await new Promise<GetCandlesResponse>((resolve, reject) => {
      client.getCandles(request, new Metadata(), { deadline: Date.now() + 30_000 },
        (error, response) => (error ? reject(error) : resolve(response)));
    });
    page.candles.forEach((candle) => show(candle, source));
    request.pageToken = page.nextPageToken;
  } while (request.pageToken !== "");
}

async function showHistory(client: MarketDataClient): Promise<void> {
  for (const instrument of instruments) {
    for (const interval of intervals) {
      const request = { instrument, interval, last: 100, pageSize: 40 };
      await showPages(client, GetCandlesRequest.fromPartial(request), "history");
    }
  }
}

// The events of one StreamCandles call.
async function* stream(client: MarketDataClient): AsyncGenerator<StreamCandlesResponse> {
  const call = client.streamCandles(StreamCandlesRequest.fromPartial({
    instruments, intervals, last: 100, resumeToken: token, slowConsumerPolicy: policy,
  }), new Metadata(), { deadline });
  call.on("error", () => {}); // the loop below throws it
  try {
    yield* call;
  } finally {
    call.cancel();
  }
}

// The same by Subscribe: call.write could add and remove items while it runs.
async function* subscribe(client: MarketDataClient): AsyncGenerator<StreamCandlesResponse> {
  const call = client.subscribe(new Metadata(), { deadline });
  call.on("error", () => {});
  call.write(SubscribeRequest.fromPartial({
    add: instruments.flatMap((instrument) =>
      intervals.map((interval) => ({ instrument, interval }))),
    last: 100, resumeToken: token, slowConsumerPolicy: policy,
  }));
  try {
    for await (const response of call) {
      for (const { item, code, message } of response.statuses) {
        console.error("item", item!.instrument, item!.interval, code, message);
      }
      if (response.event) yield response.event;
    }
  } finally {
    call.cancel();
  }
}

function milliseconds(duration: Duration | undefined): number {
  return duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0;
}

// Prints candles until the server asks us to go elsewhere; how long to wait first, in ms.
async function follow(client: MarketDataClient): Promise<number> {
  for await (const { event, resumeToken } of (options.subscribe ? subscribe : stream)(client)) {
    switch (event?.$case) {
      case "candles":
        event.candles.candles.forEach((candle) => show(candle, "stream"));
        if (options["think-ms"] !== "0") await sleep(Number(options["think-ms"]));
        break;
      case "skipped":
        console.error("skipped", event.skipped.count);
        for (const request of event.skipped.fetch) await showPages(client, request, "fetched");
        break;
      case "draining":
        console.error("draining");
        return milliseconds(event.draining.reconnectAfter);
      default:
        if (event) console.error(event.$case);
    }
    if (resumeToken) moveTo(resumeToken);
  }
  return 0;
}

// The google.rpc details of an error.
function details(error: ServiceError): { retryMs: number; resumeToken: string } {
  const found = { retryMs: 0, resumeToken: token };
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  for (const any of packed ? Status.decode(packed as Buffer).details : []) {
    if (any.typeUrl.endsWith("google.rpc.RetryInfo")) {
      found.retryMs = milliseconds(RetryInfo.decode(any.value).retryDelay);
    } else if (any.typeUrl.endsWith("google.rpc.ErrorInfo")) {
      found.resumeToken = ErrorInfo.decode(any.value).metadata["resume_token"] ?? token;
    }
  }
  return found;
}

// How long to wait before the next attempt, in ms; throws where another one would not help.
function recover(error: ServiceError, failures: number): number {
  const told = details(error);
  console.error(status[error.code], error.details);
  if (error.code === status.UNAVAILABLE) {
    // Full jitter: a thousand clients that lost one server do not come back at once.
    return told.retryMs + Math.random() * Math.min(10_000, 100 * 2 ** failures);
  }
  if (error.code === status.RESOURCE_EXHAUSTED && token) {
    // We were too slow (policy `disconnect`): what we have not read comes again.
    if (told.resumeToken) moveTo(told.resumeToken);
    return Math.random() * 1000;
  }
  if (error.code === status.OUT_OF_RANGE && token) {
    moveTo(""); // away for longer than tokens hold: begin again with the last 100
    return 0;
  }
  throw error;
}

async function main(): Promise<void> {
  let historyDone = token !== ""; // who resumes needs none
  let failures = 0;
  for (let attempt = 0; Date.now() < deadline; attempt++) {
    const before = token;
    let wait = 0;
    const client = new MarketDataClient(
      addresses[attempt % addresses.length], credentials.createInsecure(),
      // A server that vanished without a word is noticed within 25 s.
      { "grpc.keepalive_time_ms": 20_000, "grpc.keepalive_timeout_ms": 5_000 });
    try {
      if (!historyDone) await showHistory(client);
      historyDone = true;
      wait = await follow(client);
    } catch (error) {
      if (Date.now() >= deadline) break; // SECONDS are over
      failures = token !== before ? 0 : failures + 1;
      wait = recover(error as ServiceError, failures);
    } finally {
      client.close();
    }
    wait = Math.min(wait, deadline - Date.now());
    console.error("reconnects in", wait, "ms");
    if (wait > 0) await sleep(wait);
  }
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
