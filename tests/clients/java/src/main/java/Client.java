import com.google.gson.Gson;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.RetryInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.quantstream.v1.Candle;
import io.quantstream.v1.GetCandlesRequest;
import io.quantstream.v1.GetCandlesResponse;
import io.quantstream.v1.MarketDataGrpc;
import io.quantstream.v1.MarketDataGrpc.MarketDataBlockingStub;
import io.quantstream.v1.StreamCandlesRequest;
import io.quantstream.v1.StreamCandlesResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * QuantStream from Java: the last 100 candles, then live ones, through restarts of either side.
 *
 * <pre>
 * java -jar client.jar ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
 * </pre>
 *
 * Prints one line of JSON for each state of a candle that it receives, and what else happens on
 * stderr. With --state it goes on where it was stopped or killed: no candle is missing.
 */
public final class Client {
  private static final Gson GSON = new Gson();

  private final List<String> addresses;
  private final List<String> instruments;
  private final List<String> intervals;
  private final long endNanos;
  private final Path stateFile; // null: none
  private String token = ""; // the newest resume token: where the stream stands
  private boolean historyDone;

  private Client(String[] arguments) throws IOException {
    addresses = List.of(arguments[0].split(","));
    instruments = List.of(arguments[1].split(","));
    intervals = List.of(arguments[2].split(","));
    endNanos = System.nanoTime() + (long) (Double.parseDouble(arguments[3]) * 1e9);
    stateFile = arguments.length == 6 ? Path.of(arguments[5]) : null;
    if (stateFile != null && Files.exists(stateFile)) {
      token = Files.readString(stateFile);
    }
    historyDone = !token.isEmpty(); // who resumes needs none
  }

  private static void show(Candle candle, String source) {
    // Decimals are strings, so that no digit is lost; so is what may pass 2^53.
    Map<String, String> line = new LinkedHashMap<>();
    line.put("source", source);
    line.put("instrument", candle.getInstrument());
    line.put("interval", Durations.toString(candle.getInterval()));
    line.put("open_time", Timestamps.toString(candle.getOpenTime()));
    line.put("open", candle.getOpen());
    line.put("high", candle.getHigh());
    line.put("low", candle.getLow());
    line.put("close", candle.getClose());
    line.put("volume", candle.getVolume());
    line.put("vwap", candle.getVwap());
    line.put("trade_count", Long.toUnsignedString(candle.getTradeCount()));
    line.put("state", candle.getState().name());
    line.put("version", Long.toString(candle.getVersion()));
    System.out.println(GSON.toJson(line));
  }

  /** Call it when the candles before this token are printed: they will not come again. */
  private void moveTo(String next) throws IOException {
    token = next;
    if (stateFile == null) {
      return;
    }
    Path written = Path.of(stateFile + ".new");
    Files.writeString(written, next);
    // A crash leaves the old one or the new one.
    Files.move(written, stateFile, StandardCopyOption.ATOMIC_MOVE);
  }

  /** All pages of the last 100 closed candles of each instrument and interval. */
  private void showHistory(MarketDataBlockingStub stub) {
    for (String instrument : instruments) {
      for (String interval : intervals) {
        GetCandlesRequest.Builder request =
            GetCandlesRequest.newBuilder()
                .setInstrument(instrument)
                .setInterval(interval)
                .setLast(100)
                .setPageSize(40);
        do {
          GetCandlesResponse page =
              stub.withDeadlineAfter(30, TimeUnit.SECONDS).getCandles(request.build());
          page.getCandlesList().forEach(candle -> show(candle, "history"));
          request.setPageToken(page.getNextPageToken());
        } while (!request.getPageToken().isEmpty());
      }
    }
  }

  /** Prints candles until the server asks us to go elsewhere: how many ms to wait first. */
  private long follow(MarketDataBlockingStub stub) throws IOException {
    StreamCandlesRequest request =
        StreamCandlesRequest.newBuilder()
            .addAllInstruments(instruments)
            .addAllIntervals(intervals)
            .setLast(100)
            .setResumeToken(token)
            .build();
    Iterator<StreamCandlesResponse> events =
        stub.withDeadlineAfter(endNanos - System.nanoTime(), TimeUnit.NANOSECONDS)
            .streamCandles(request);
    while (events.hasNext()) {
      StreamCandlesResponse event = events.next();
      switch (event.getEventCase()) {
        case CANDLES -> event.getCandles().getCandlesList()
            .forEach(candle -> show(candle, "stream"));
        case DRAINING -> {
          System.err.println("draining");
          return Durations.toMillis(event.getDraining().getReconnectAfter());
        }
        case PROGRESS -> {}
        default -> System.err.println(event.getEventCase());
      }
      if (!event.getResumeToken().isEmpty()) {
        moveTo(event.getResumeToken());
      }
    }
    return 0;
  }

  /** Asks one replica until it fails or sends us away. */
  private long attempt(String address) throws IOException {
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
            // A server that vanished without a word is noticed within 25 s.
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .build();
    try {
      MarketDataBlockingStub stub = MarketDataGrpc.newBlockingStub(channel);
      if (!historyDone) {
        showHistory(stub);
        historyDone = true;
      }
      return follow(stub);
    } finally {
      channel.shutdownNow();
    }
  }

  /** How many ms to wait before the next attempt; throws where another one would not help. */
  private long recover(StatusRuntimeException error, int failures) throws IOException {
    System.err.println(error.getMessage());
    Status.Code code = error.getStatus().getCode();
    if (code == Status.Code.UNAVAILABLE) {
      // Full jitter: a thousand clients that lost one server do not come back at once.
      double bound = Math.min(10_000, 100 * Math.pow(2, failures));
      return retryMillis(error) + (long) (ThreadLocalRandom.current().nextDouble() * bound);
    }
    if (code == Status.Code.OUT_OF_RANGE && !token.isEmpty()) {
      moveTo(""); // away for longer than tokens hold: begin again with the last 100
      return 0;
    }
    throw error;
  }

  /** What the error's google.rpc.RetryInfo asks for, or 0. */
  private static long retryMillis(StatusRuntimeException error)
      throws InvalidProtocolBufferException {
    com.google.rpc.Status status = StatusProto.fromThrowable(error);
    for (com.google.protobuf.Any detail : status.getDetailsList()) {
      if (detail.is(RetryInfo.class)) {
        return Durations.toMillis(detail.unpack(RetryInfo.class).getRetryDelay());
      }
    }
    return 0;
  }

  private void run() throws IOException, InterruptedException {
    int failures = 0;
    for (int attempt = 0; System.nanoTime() < endNanos; attempt++) {
      String before = token;
      long wait;
      try {
        wait = attempt(addresses.get(attempt % addresses.size()));
      } catch (StatusRuntimeException error) {
        if (System.nanoTime() >= endNanos) {
          return; // SECONDS are over
        }
        failures = token.equals(before) ? failures + 1 : 0;
        wait = recover(error, failures);
      }
      wait = Math.min(wait, Math.max(0, (endNanos - System.nanoTime()) / 1_000_000));
      System.err.println("reconnects in " + wait + " ms");
      Thread.sleep(wait);
    }
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    boolean hasState = arguments.length == 6 && arguments[4].equals("--state");
    if (arguments.length != 4 && !hasState) {
      System.err.println("usage: client ADDRESSES INSTRUMENTS INTERVALS SECONDS [--state FILE]");
      System.exit(2);
    }
    new Client(arguments).run();
  }
}
