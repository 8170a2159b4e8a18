using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>What a client tells of itself, by the names of OpenTelemetry's conventions for databases.</summary>
public sealed class DiagnosticsTests(RedisFixture redis) : ServerTest(redis)
{
    [Fact]
    public async Task Commands_are_measured_with_the_names_of_the_conventions()
    {
        ConcurrentQueue<Dictionary<string, object?>> durations = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument is { Meter.Name: RespClient.TelemetryName, Name: "db.client.operation.duration", Unit: "s" })
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            Assert.InRange(seconds, 0, 60);
            durations.Enqueue(new Dictionary<string, object?>(tags.ToArray()));
        });
        listener.Start();

        await using RespClient client = await ConnectAsync(options => options with { Database = 2 });
        await client.SetAsync("measured", "x", cancellationToken: Stop);
        await Assert.ThrowsAsync<RespServerException>(async () => await client.HashIncrementByAsync("measured", "f", 1, cancellationToken: Stop));
        await client.Command(new Script("return 1", "one"), 0).ToInt64Async(cancellationToken: Stop);
        using RespBatch batch = client.CreateBatch();
        batch.Command("PING").Add();
        batch.Command("PING").Add();
        await batch.ExecuteAsync(cancellationToken: Stop);

        // Tests of other clients run beside this one: this client's are those of its database and port.
        Dictionary<string, object?>[] mine = [.. durations.Where(tags => Equals(tags["server.port"], Server.EndPoint.Port) && Equals(tags["db.namespace"], "2"))];
        Assert.Equal(["SET", "HINCRBY", "EVALSHA", "PIPELINE"], mine.Select(tags => (string)tags["db.operation.name"]!));
        Assert.All(mine, tags => Assert.Equal(("redis", "127.0.0.1"), ((string)tags["db.system.name"]!, (string)tags["server.address"]!)));
        Assert.Equal(("WRONGTYPE", "WRONGTYPE"), (mine[1]["error.type"], mine[1]["db.response.status_code"]));
        Assert.Equal("one", mine[2]["db.stored_procedure.name"]);
        Assert.False(mine[0].ContainsKey("error.type"));
    }

    // How long a new connection takes is the first question when a deployment begins slowly.
    [Fact]
    public async Task Every_connection_that_became_ready_is_measured_once()
    {
        ConcurrentQueue<(double Seconds, object? Pool)> created = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument is { Meter.Name: RespClient.TelemetryName, Name: "db.client.connection.create_time", Unit: "s" })
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) => created.Enqueue((seconds, new Dictionary<string, object?>(tags.ToArray())["db.client.connection.pool.name"])));
        listener.Start();

        await using RespClient client = await ConnectAsync(options => options with { Database = 4, Connections = 4 });
        await client.BlockingPopAsync("nothing", TimeSpan.FromMilliseconds(10), Stop);

        double[] mine = [.. created.Where(one => Equals(one.Pool, $"{client.Options.Endpoint}/4")).Select(one => one.Seconds)];
        Assert.Equal(4 + 1, mine.Length);
        Assert.All(mine, seconds => Assert.InRange(seconds, 0, 60));
    }

    // A span that stays current would swallow what the caller does next as its children.
    [Fact]
    public async Task A_command_is_a_client_span_below_the_callers_and_never_the_current_one()
    {
        ConcurrentQueue<Activity> stopped = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name is RespClient.TelemetryName or "test",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using ActivitySource source = new("test");
        await using RespClient client = await ConnectAsync();
        using Activity mine = source.StartActivity("mine")!;
        ValueTask<string?> echo = client.EchoAsync("x", cancellationToken: Stop);
        Assert.Same(mine, Activity.Current);
        await echo;
        Assert.Same(mine, Activity.Current);
        await Assert.ThrowsAsync<RespServerException>(async () => await client.Command("NOSUCH").ExecuteAsync(cancellationToken: Stop));
        Activity[] spans = [.. stopped.Where(span => span.ParentId == mine.Id)];
        Assert.Equal([$"ECHO {client.Options.Endpoint}", $"NOSUCH {client.Options.Endpoint}"], spans.Select(span => span.DisplayName));
        Assert.All(spans, span => Assert.Equal(ActivityKind.Client, span.Kind));
        Assert.Equal((ActivityStatusCode.Unset, ActivityStatusCode.Error), (spans[0].Status, spans[1].Status));
        Assert.Equal("ERR", spans[1].GetTagItem("db.response.status_code"));
        Assert.Equal("redis", spans[0].GetTagItem("db.system.name"));
    }

    [Fact]
    public async Task Gauges_tell_of_every_living_client_and_of_none_that_was_closed()
    {
        ConcurrentDictionary<string, long> seen = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == RespClient.TelemetryName && instrument.IsObservable)
                self.EnableMeasurementEvents(instrument);
        };
        RespClient client = await ConnectAsync(options => options with { Database = 3, Connections = 2 });
        string pool = $"{client.Options.Endpoint}/3";
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            Dictionary<string, object?> all = new(tags.ToArray());
            if (Equals(all["db.client.connection.pool.name"], pool))
                seen[$"{instrument.Name} {all.GetValueOrDefault("db.client.connection.state") ?? all.GetValueOrDefault("sluice.resp.link")}"] = value;
        });
        listener.Start();
        await client.PingAsync(cancellationToken: Stop);
        listener.RecordObservableInstruments();
        Assert.Equal((2, 0), (seen["db.client.connection.count used"], seen["db.client.connection.count idle"]));
        Assert.Equal((0, 0), (seen["sluice.resp.in_flight commands 0"], seen["db.client.connection.pending_requests commands 1"]));
        Assert.Equal(1, seen["sluice.resp.openings commands 0"]);
        Assert.InRange(seen["sluice.resp.writes commands 0"], 1, 100);
        Assert.InRange(seen["sluice.resp.reads commands 0"], 1, 100);

        await client.DisposeAsync();
        seen.Clear();
        listener.RecordObservableInstruments();
        Assert.Empty(seen);
    }

    [Fact]
    public async Task The_state_says_what_goes_on_and_why_it_does_not()
    {
        await using RespClient client = await ConnectAsync();
        Assert.True(client.GetState().IsConnected);
        Assert.StartsWith("connected, 0 blocking; commands 0 open (1 openings", client.GetState().ToString(), StringComparison.Ordinal);
        await using RespClient nowhere = RespClient.Create(new RespClientOptions { Endpoint = RespEndpoint.Tcp("127.0.0.1", Sluice.Harness.FreePort.Next()), WaitForConnection = false });
        await Assert.ThrowsAnyAsync<RespException>(async () => await nowhere.PingAsync(cancellationToken: Stop));
        Assert.False(nowhere.GetState().IsConnected);
    }
}
