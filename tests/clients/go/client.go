// QuantStream from Go: the last 100 candles, then live ones, through restarts of either side.
//
//	client ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
//	       [--policy conflate|skip|disconnect] [--subscribe] [--think-ms N]
//
// Prints one line of JSON for each state of a candle that it receives, and what else happens on
// stderr. With --state it goes on where it was stopped or killed: no candle is missing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	api "example.com/quantstream-client/quantstream/v1"
)

var policies = map[string]api.SlowConsumerPolicy{
	"conflate":   api.SlowConsumerPolicy_SLOW_CONSUMER_POLICY_CONFLATE,
	"skip":       api.SlowConsumerPolicy_SLOW_CONSUMER_POLICY_SKIP_AND_TELL,
	"disconnect": api.SlowConsumerPolicy_SLOW_CONSUMER_POLICY_DISCONNECT,
}

type client struct {
	addresses, instruments, intervals []string
	statePath, policy                 string
	subscribe                         bool
	think                             time.Duration

	token       string // the newest resume token: where the stream stands
	historyDone bool
}

// line is a candle as it is printed. Decimals are strings, so that no digit is lost; so is what
// may pass 2^53.
type line struct {
	Source     string `json:"source"`
	Instrument string `json:"instrument"`
	Interval   string `json:"interval"`
	OpenTime   string `json:"open_time"`
	Open       string `json:"open"`
	High       string `json:"high"`
	Low        string `json:"low"`
	Close      string `json:"close"`
	Volume     string `json:"volume"`
	Vwap       string `json:"vwap"`
	TradeCount string `json:"trade_count"`
	State      string `json:"state"`
	Version    string `json:"version"`
}

func show(candle *api.Candle, source string) {
	text, err := json.Marshal(line{
		Source: source, Instrument: candle.Instrument,
		Interval: fmt.Sprintf("%ds", candle.Interval.Seconds),
		OpenTime: candle.OpenTime.AsTime().Format(time.RFC3339),
		Open:     candle.Open, High: candle.High, Low: candle.Low, Close: candle.Close,
		Volume: candle.Volume, Vwap: candle.Vwap,
		TradeCount: strconv.FormatUint(candle.TradeCount, 10), State: candle.State.String(),
		Version: strconv.FormatInt(candle.Version, 10),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

// moveTo remembers the token. Call it when the candles before it are printed: they will not come
// again.
func (c *client) moveTo(token string) {
	c.token = token
	if c.statePath == "" {
		return
	}
	if err := os.WriteFile(c.statePath+".new", []byte(token), 0o600); err != nil {
		log.Fatal(err)
	}
	// A crash leaves the old file or the new one.
	if err := os.Rename(c.statePath+".new", c.statePath); err != nil {
		log.Fatal(err)
	}
}

// showPages prints all pages of an answer.
func showPages(ctx context.Context, stub api.MarketDataClient, request *api.GetCandlesRequest,
	source string) error {
	for {
		page, err := stub.GetCandles(ctx, request)
		if err != nil {
			return err
		}
		for _, candle := range page.Candles {
			show(candle, source)
		}
		if page.NextPageToken == "" {
			return nil
		}
		request.PageToken = page.NextPageToken
	}
}

func (c *client) showHistory(ctx context.Context, stub api.MarketDataClient) error {
	for _, instrument := range c.instruments {
		for _, interval := range c.intervals {
			request := &api.GetCandlesRequest{
				Instrument: instrument, Interval: interval, Last: 100, PageSize: 40}
			if err := showPages(ctx, stub, request, "history"); err != nil {
				return err
			}
		}
	}
	return nil
}

// events opens the stream and returns what receives its next event.
func (c *client) events(ctx context.Context, stub api.MarketDataClient) (
	func() (*api.StreamCandlesResponse, error), error) {
	if c.subscribe {
		return c.subscribed(ctx, stub)
	}
	stream, err := stub.StreamCandles(ctx, &api.StreamCandlesRequest{
		Instruments: c.instruments, Intervals: c.intervals, Last: 100, ResumeToken: c.token,
		SlowConsumerPolicy: policies[c.policy]})
	if err != nil {
		return nil, err
	}
	return stream.Recv, nil
}

// subscribed is the same by Subscribe: stream.Send could add and remove items while it runs.
func (c *client) subscribed(ctx context.Context, stub api.MarketDataClient) (
	func() (*api.StreamCandlesResponse, error), error) {
	stream, err := stub.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	request := &api.SubscribeRequest{
		Last: 100, ResumeToken: c.token, SlowConsumerPolicy: policies[c.policy]}
	for _, instrument := range c.instruments {
		for _, interval := range c.intervals {
			request.Add = append(request.Add,
				&api.SubscriptionItem{Instrument: instrument, Interval: interval})
		}
	}
	// An error of Send is only "the stream has ended": Recv says why.
	_ = stream.Send(request)
	return func() (*api.StreamCandlesResponse, error) {
		for {
			response, err := stream.Recv()
			if err != nil {
				return nil, err
			}
			for _, each := range response.Statuses {
				log.Println("item", each.Item.Instrument, each.Item.Interval, each.Code, each.Message)
			}
			if response.Event != nil {
				return response.Event, nil
			}
		}
	}, nil
}

// follow prints candles until the stream ends (an error) or the server asks us to go elsewhere;
// it returns how long to wait first.
func (c *client) follow(ctx context.Context, stub api.MarketDataClient) (time.Duration, error) {
	next, err := c.events(ctx, stub)
	if err != nil {
		return 0, err
	}
	for {
		response, err := next()
		if err != nil {
			return 0, err
		}
		switch event := response.Event.(type) {
		case *api.StreamCandlesResponse_Candles:
			for _, candle := range event.Candles.Candles {
				show(candle, "stream")
			}
			time.Sleep(c.think)
		case *api.StreamCandlesResponse_Skipped:
			log.Println("skipped", event.Skipped.Count)
			for _, request := range event.Skipped.Fetch {
				if err := showPages(ctx, stub, request, "fetched"); err != nil {
					return 0, err
				}
			}
		case *api.StreamCandlesResponse_Draining:
			log.Println("draining")
			return event.Draining.ReconnectAfter.AsDuration(), nil
		case *api.StreamCandlesResponse_SnapshotEnd:
			log.Println("snapshot_end")
		case *api.StreamCandlesResponse_Discontinuity:
			log.Println("discontinuity", event.Discontinuity.Reason)
		}
		if response.ResumeToken != "" {
			c.moveTo(response.ResumeToken)
		}
	}
}

// attempt asks one replica until it fails or sends us away.
func (c *client) attempt(ctx context.Context, address string) (time.Duration, error) {
	connection, err := grpc.Dial(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// A server that vanished without a word is noticed within 25 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 20 * time.Second, Timeout: 5 * time.Second}))
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	stub := api.NewMarketDataClient(connection)
	if !c.historyDone { // who resumes needs none
		if err := c.showHistory(ctx, stub); err != nil {
			return 0, err
		}
		c.historyDone = true
	}
	return c.follow(ctx, stub)
}

// recover says how long to wait before the next attempt; it ends the program where another one
// would not help.
func (c *client) recover(err error, failures int) time.Duration {
	failed := status.Convert(err)
	log.Println(failed.Code(), failed.Message())
	var asked time.Duration
	resumeToken := c.token
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.RetryInfo:
			asked = detail.RetryDelay.AsDuration()
		case *errdetails.ErrorInfo:
			if token := detail.Metadata["resume_token"]; token != "" {
				resumeToken = token
			}
		}
	}
	switch {
	case failed.Code() == codes.Unavailable:
		// Full jitter: a thousand clients that lost one server do not come back at once.
		bound := math.Min(10, 0.1*math.Pow(2, float64(failures)))
		return asked + time.Duration(rand.Float64()*bound*float64(time.Second))
	case failed.Code() == codes.ResourceExhausted && c.token != "":
		// We were too slow (policy `disconnect`): what we have not read comes again.
		c.moveTo(resumeToken)
		return time.Duration(rand.Float64() * float64(time.Second))
	case failed.Code() == codes.OutOfRange && c.token != "":
		c.moveTo("") // away for longer than tokens hold: begin again with the last 100
		return 0
	}
	log.Fatal("gave up")
	return 0
}

func (c *client) run(ctx context.Context) {
	failures := 0
	for attempts := 0; ; attempts++ {
		before := c.token
		wait, err := c.attempt(ctx, c.addresses[attempts%len(c.addresses)])
		if ctx.Err() != nil {
			return // SECONDS are over
		}
		if err != nil {
			failures++
			if c.token != before {
				failures = 0
			}
			wait = c.recover(err, failures)
		}
		log.Println("reconnects in", wait)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func main() {
	log.SetFlags(0)
	rand.Seed(time.Now().UnixNano())
	c := &client{}
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	flags.StringVar(&c.statePath, "state", "", "file that keeps the resume token")
	flags.StringVar(&c.policy, "policy", "conflate", "of a slow client: conflate, skip, disconnect")
	flags.BoolVar(&c.subscribe, "subscribe", false, "by the bidirectional call")
	thinkMs := flags.Int("think-ms", 0, "a slow program: per message")
	if len(os.Args) < 5 {
		log.Fatal("usage: client ADDRESSES INSTRUMENTS INTERVALS SECONDS [options]")
	}
	_ = flags.Parse(os.Args[5:])
	c.think = time.Duration(*thinkMs) * time.Millisecond
	c.addresses = strings.Split(os.Args[1], ",")
	c.instruments = strings.Split(os.Args[2], ",")
	c.intervals = strings.Split(os.Args[3], ",")
	seconds, err := strconv.ParseFloat(os.Args[4], 64)
	if _, known := policies[c.policy]; err != nil || !known {
		log.Fatal("SECONDS must be a number, and the policy one of conflate, skip, disconnect")
	}
	if token, err := os.ReadFile(c.statePath); err == nil {
		c.token = string(token)
		c.historyDone = c.token != ""
	}
	ctx, cancel := context.WithTimeout(context.Background(),
		time.Duration(seconds*float64(time.Second)))
	defer cancel()
	c.run(ctx)
}
