//! QuantStream from Rust: the last 100 candles, then live ones, through restarts of either side.
//!
//!     client ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
//!
//! Prints one line of JSON for each state of a candle that it receives, and what else happens on
//! stderr. With --state it goes on where it was stopped or killed: no candle is missing.

use std::{env, error::Error, fs, process, time::Duration};

use serde_json::json;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

#[allow(dead_code)]
mod api {
    tonic::include_proto!("quantstream.v1");
}
use api::market_data_client::MarketDataClient;
use api::stream_candles_response::Event;

type Stub = MarketDataClient<Channel>;

struct Client {
    addresses: Vec<String>,
    instruments: Vec<String>,
    intervals: Vec<String>,
    state_file: Option<String>,
    /// The newest resume token: where the stream stands.
    token: String,
    history_done: bool,
}

fn show(candle: &api::Candle, source: &str) {
    // Decimals are strings, so that no digit is lost; so is what may pass 2^53.
    let line = json!({
        "source": source,
        "instrument": candle.instrument,
        "interval": candle.interval.unwrap_or_default().to_string(),
        "open_time": candle.open_time.unwrap_or_default().to_string(),
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "vwap": candle.vwap,
        "trade_count": candle.trade_count.to_string(),
        "state": candle.state().as_str_name(),
        "version": candle.version.to_string(),
    });
    println!("{line}");
}

impl Client {
    /// Call it when the candles before this token are printed: they will not come again.
    fn move_to(&mut self, token: String) -> std::io::Result<()> {
        if let Some(path) = &self.state_file {
            let new = format!("{path}.new");
            fs::write(&new, &token)?;
            fs::rename(&new, path)?; // a crash leaves the old one or the new one
        }
        self.token = token;
        Ok(())
    }

    /// All pages of the last 100 closed candles of each instrument and interval.
    async fn show_history(&self, stub: &mut Stub) -> Result<(), Status> {
        for instrument in &self.instruments {
            for interval in &self.intervals {
                let mut request = api::GetCandlesRequest {
                    instrument: instrument.clone(),
                    interval: interval.clone(),
                    last: 100,
                    page_size: 40,
                    ..Default::default()
                };
                loop {
                    let page = stub.get_candles(request.clone()).await?.into_inner();
                    page.candles
                        .iter()
                        .for_each(|candle| show(candle, "history"));
                    if page.next_page_token.is_empty() {
                        break;
                    }
                    request.page_token = page.next_page_token;
                }
            }
        }
        Ok(())
    }

    /// Prints candles until the server asks us to go elsewhere: how long to wait first.
    async fn follow(&mut self, stub: &mut Stub) -> Result<Duration, Status> {
        let request = api::StreamCandlesRequest {
            instruments: self.instruments.clone(),
            intervals: self.intervals.clone(),
            last: 100,
            resume_token: self.token.clone(),
            ..Default::default()
        };
        let mut stream = stub.stream_candles(request).await?.into_inner();
        while let Some(response) = stream.message().await? {
            match response.event {
                Some(Event::Candles(batch)) => {
                    batch
                        .candles
                        .iter()
                        .for_each(|candle| show(candle, "stream"));
                }
                Some(Event::Draining(draining)) => {
                    eprintln!("draining");
                    let wait = draining.reconnect_after.unwrap_or_default();
                    return Ok(wait.try_into().unwrap_or_default());
                }
                Some(Event::SnapshotEnd(_)) => eprintln!("snapshot_end"),
                Some(Event::Discontinuity(told)) => eprintln!("discontinuity {}", told.reason),
                _ => {}
            }
            if !response.resume_token.is_empty() {
                self.move_to(response.resume_token)?;
            }
        }
        Ok(Duration::ZERO)
    }

    /// Asks one replica until it fails or sends us away.
    async fn attempt(&mut self, address: &str) -> Result<Duration, Status> {
        let channel = Endpoint::try_from(format!("http://{address}"))
            .map_err(|error| Status::invalid_argument(error.to_string()))?
            .connect_timeout(Duration::from_secs(5))
            // A server that vanished without a word is noticed within 25 s.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(5))
            .connect()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let mut stub = Stub::new(channel);
        if !self.history_done {
            self.show_history(&mut stub).await?; // who resumes needs none
            self.history_done = true;
        }
        self.follow(&mut stub).await
    }

    /// How long to wait before the next attempt; the error where another one would not help.
    fn recover(&mut self, error: Status, failures: i32) -> Result<Duration, Box<dyn Error>> {
        eprintln!("{:?} {}", error.code(), error.message());
        // tonic tells of a connection that broke by an error of its own, with a cause.
        let broken = error.source().is_some();
        if error.code() == Code::Unavailable || broken {
            let asked = error
                .get_details_retry_info()
                .and_then(|info| info.retry_delay);
            // Full jitter: a thousand clients that lost one server do not come back at once.
            let bound = f64::min(10.0, 0.1 * 2f64.powi(failures));
            let jitter = Duration::from_secs_f64(fastrand::f64() * bound);
            return Ok(asked.unwrap_or_default() + jitter);
        }
        if error.code() == Code::OutOfRange && !self.token.is_empty() {
            // Away for longer than tokens hold: begin again with the last 100.
            self.move_to(String::new())?;
            return Ok(Duration::ZERO);
        }
        Err(error.into())
    }

    async fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let mut failures = 0;
        for address in self.addresses.clone().iter().cycle() {
            let before = self.token.clone();
            let wait = match self.attempt(address).await {
                Ok(wait) => wait,
                Err(error) => {
                    failures = if self.token == before {
                        failures + 1
                    } else {
                        0
                    };
                    self.recover(error, failures)?
                }
            };
            eprintln!("reconnects in {wait:?}");
            sleep(wait).await;
        }
        Ok(())
    }
}

fn list(argument: &str) -> Vec<String> {
    argument.split(',').map(str::to_string).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let state_file = match &arguments[..] {
        [_, _, _, _] => None,
        [_, _, _, _, option, path] if option == "--state" => Some(path.clone()),
        _ => {
            eprintln!("usage: client ADDRESSES INSTRUMENTS INTERVALS SECONDS [--state FILE]");
            process::exit(2);
        }
    };
    let token = state_file
        .as_ref()
        .and_then(|path| fs::read_to_string(path).ok());
    let token = token.unwrap_or_default();
    let mut client = Client {
        addresses: list(&arguments[0]),
        instruments: list(&arguments[1]),
        intervals: list(&arguments[2]),
        state_file,
        history_done: !token.is_empty(),
        token,
    };
    let seconds = Duration::from_secs_f64(arguments[3].parse()?);
    timeout(seconds, client.run()).await.unwrap_or(Ok(())) // SECONDS are over
}
