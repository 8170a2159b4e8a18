using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Which connection a command takes.</summary>
public sealed class RoutingTests(RedisFixture redis) : ServerTest(redis)
{
    // Un-awaited commands of one key that took different connections would overtake one another.
    [Fact]
    public async Task Commands_of_one_key_keep_their_order_though_nobody_awaits_between_them()
    {
        await using RespClient client = await ConnectAsync(options => options with { Connections = 8 });
        Task<long>[] lengths = [.. Enumerable.Range(0, 2000).Select(i => i % 2 == 0
            ? client.Command("RPUSH").Key($"order:{i % 10}").Write(i).ToInt64Async(cancellationToken: Stop).AsTask()
            : client.Command("RPUSH").Key(System.Text.Encoding.UTF8.GetBytes($"order:{i % 10}")).Write(i).ToInt64Async(cancellationToken: Stop).AsTask())];
        await Task.WhenAll(lengths);
        for (int key = 0; key < 10; key++)
        {
            long[]? list = await client.Command("LRANGE").Key($"order:{key}").Write(0).Write(-1).ToInt64ArrayAsync(cancellationToken: Stop);
            Assert.Equal(Enumerable.Range(0, 200).Select(i => (long)(key + (10 * i))), list!);
        }
    }

    [Fact]
    public void Keys_spread_evenly_and_keys_with_the_same_tag_stay_together()
    {
        int[] counts = new int[8];
        for (int i = 0; i < 8000; i++)
            counts[KeyHash.Of(System.Text.Encoding.UTF8.GetBytes($"visitor:{i}")) & 7]++;
        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
        Assert.Equal(KeyHash.Of("{user:1}:name"u8), KeyHash.Of("{user:1}:visits"u8));
        Assert.Equal(KeyHash.Of("user:1"u8), KeyHash.Of("a{user:1}b"u8));
        Assert.NotEqual(KeyHash.Of("{}a"u8), KeyHash.Of("{}b"u8));
        Assert.NotEqual(KeyHash.Of("a"u8), KeyHash.Of("b"u8));
    }

    // One BLPOP on a shared connection would hold up everybody for as long as it waits.
    [Fact]
    public async Task A_blocking_command_holds_up_nobody()
    {
        await using RespClient client = await ConnectAsync();
        Task<RespLease>[] pops = [.. Enumerable.Range(0, 5).Select(i => client.BlockingPopAsync($"block:{i}", TimeSpan.Zero, Stop).AsTask())];
        await client.PingAsync(cancellationToken: Stop);
        for (int i = 4; i >= 0; i--)
        {
            Assert.False(pops[i].IsCompleted);
            await client.Command("RPUSH").Key($"block:{i}").Write($"element {i}").ExecuteAsync(cancellationToken: Stop);
            using RespLease element = await pops[i];
            Assert.Equal($"element {i}", System.Text.Encoding.UTF8.GetString(element.Span));
        }

        Assert.Equal((0, 5), (client.GetState().BlockingInUse, client.GetState().BlockingIdle));
        using RespLease none = await client.BlockingPopAsync("block:none", TimeSpan.FromMilliseconds(20), Stop);
        Assert.True(none.IsNull);
    }

    // A pop that nobody waits for any more would take the next element, and lose it.
    [Fact]
    public async Task A_blocking_command_that_is_called_off_ends_on_the_server_too()
    {
        await using RespClient client = await ConnectAsync(options => options with { BlockingConnections = 1 });
        using CancellationTokenSource calledOff = new();
        ValueTask<RespLease> pop = client.BlockingPopAsync("block:off", TimeSpan.Zero, calledOff.Token);
        await UntilAsync(client, "blocked_clients:1");
        RespOverloadException busy = await Assert.ThrowsAsync<RespOverloadException>(async () => await client.BlockingPopAsync("block:off", TimeSpan.Zero, Stop));
        Assert.Contains("BlockingConnections", busy.Message, StringComparison.Ordinal);
        await calledOff.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pop);
        await UntilAsync(client, "blocked_clients:0");
        await client.Command("RPUSH").Key("block:off").Write("kept").ExecuteAsync(cancellationToken: Stop);
        using RespLease element = await client.BlockingPopAsync("block:off", TimeSpan.Zero, Stop);
        Assert.Equal("kept"u8, element.Span);
    }

    [Fact]
    public async Task Closing_waits_for_what_is_under_way_and_takes_no_more()
    {
        RespClient client = await ConnectAsync();
        Task<string?>[] echoes = [.. Enumerable.Range(0, 1000).Select(i => client.EchoAsync(i, cancellationToken: Stop).AsTask())];
        Assert.True(await client.CloseAsync(TimeSpan.FromSeconds(10)));
        for (int i = 0; i < echoes.Length; i++)
            Assert.Equal($"{i}", await echoes[i]);
        RespConnectionException refused = await Assert.ThrowsAsync<RespConnectionException>(async () => await client.PingAsync(cancellationToken: Stop));
        Assert.Equal(CommandOutcome.NotSent, refused.Outcome);
    }

    [Fact]
    public async Task Closing_gives_up_when_the_time_is_up()
    {
        FakeServer server = new(command => command[0] switch
        {
            "HELLO" => "%0\r\n",
            "HANG" => "",
            _ => "+OK\r\n",
        });
        RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Task hanging = client.Command("HANG").ExecuteAsync(Timeout.InfiniteTimeSpan, Stop).AsTask();
        Task more = client.Command("HANG").ExecuteAsync(Timeout.InfiniteTimeSpan, Stop).AsTask();
        // The reply to the closing PING goes to the first of two that hang, and the PING itself stays without.
        Assert.False(await client.CloseAsync(TimeSpan.FromMilliseconds(100)));
        await hanging;
        RespConnectionException closed = await Assert.ThrowsAsync<RespConnectionException>(() => more);
        Assert.Equal(CommandOutcome.Unknown, closed.Outcome);
    }

    [Fact]
    public async Task A_token_that_was_cancelled_before_sends_nothing()
    {
        await using RespClient client = await ConnectAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.IncrementByAsync("cancelled", 1, cancellationToken: new CancellationToken(canceled: true)));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await client.IncrementByAsync("cancelled", 1, TimeSpan.Zero, Stop));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await client.Command(new RespCommandPrefix("INCRBY", 2)).Key("cancelled").ToInt64Async(cancellationToken: Stop));
        await Assert.ThrowsAsync<System.Text.EncoderFallbackException>(async () => await client.IncrementByAsync("\ud800", 1, cancellationToken: Stop));
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await client.IncrementByAsync((string)null!, 1, cancellationToken: Stop));
        Assert.False(await client.ExistsAsync("cancelled", cancellationToken: Stop));
    }

    private static async Task UntilAsync(RespClient client, string line)
    {
        while (!(await client.InfoAsync("clients", cancellationToken: Stop))!.Contains(line, StringComparison.Ordinal))
            await Task.Yield();
    }
}
