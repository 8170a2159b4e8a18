using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>The commands that are methods, and the builder, against a real server.</summary>
public sealed class CommandTests(RedisFixture redis) : ServerTest(redis)
{
    // A blocking command that nobody knew of holds up everybody on its connection. The server knows its own.
    [Fact]
    public async Task Every_command_that_the_server_calls_blocking_is_refused_on_a_shared_connection()
    {
        await using RespClient client = await ConnectAsync();
        string[] names = (await client.Command("COMMAND LIST").Write("FILTERBY").Write("ACLCAT").Write("blocking").ToTextArrayAsync(cancellationToken: Stop))!;
        Assert.True(names.Length >= 10);
        foreach (string name in names)
        {
            NotSupportedException refused = Assert.Throws<NotSupportedException>(() =>
            {
                // Streams block when they are told to; lists and sorted sets always do.
                RespCommand command = client.Command(name);
                command.Write("BLOCK").Write(1).Write("STREAMS").Write("s").Write("$").ExecuteAsync(cancellationToken: Stop).AsTask().Wait(Stop);
            });
            Assert.Contains("RespClient.Blocking", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Every_typed_result_reads_what_the_server_sent()
    {
        await using RespClient client = await ConnectAsync();
        await client.PingAsync(cancellationToken: Stop);
        Assert.Equal("Grüße", await client.EchoAsync("Grüße", cancellationToken: Stop));
        Assert.Equal(5, await client.IncrementByAsync("typed:n", 5, cancellationToken: Stop));
        Assert.Equal(7, await client.IncrementByAsync("typed:n"u8, 2, cancellationToken: Stop));
        Assert.Equal(7, await client.GetInt64Async("typed:n", cancellationToken: Stop));
        Assert.Null(await client.GetInt64Async("typed:none", cancellationToken: Stop));
        Assert.Equal("7", await client.GetTextAsync("typed:n".AsSpan(), cancellationToken: Stop));
        byte[] buffer = new byte[16];
        Assert.Equal(1, await client.GetAsync("typed:n", buffer, cancellationToken: Stop));
        Assert.Equal((byte)'7', buffer[0]);
        Assert.Equal(-1, await client.GetAsync("typed:none", buffer, cancellationToken: Stop));
        using (RespLease lease = await client.GetLeaseAsync("typed:n", cancellationToken: Stop))
            Assert.Equal("7"u8, lease.Span);
        Assert.Equal(1.5, await client.Command("INCRBYFLOAT").Key("typed:d").Write(1.5).ToDoubleAsync(cancellationToken: Stop));
        Assert.Equal(new long[] { 1, 2, 3 }, (IEnumerable<long>?)await client.Command("EVAL").Write("return {1, 2, 3}").Write(0).ToInt64ArrayAsync(cancellationToken: Stop));
        Assert.Equal(new[] { "a", null, "c" }, (IEnumerable<string?>?)await client.Command("EVAL").Write("return {'a', false, 'c'}").Write(0).ToTextArrayAsync(cancellationToken: Stop));
        Assert.Equal("[1, [\"x\"]]", (await client.Command("EVAL").Write("return {1, {'x'}}").Write(0).ToValueAsync(cancellationToken: Stop)).ToString());
        Assert.True(await client.SetAsync("typed:s", "v", new SetTerms { OnlyIfExists = false, ExpireAfter = TimeSpan.FromMinutes(1) }, cancellationToken: Stop));
        Assert.False(await client.SetAsync("typed:s", "w", new SetTerms { OnlyIfExists = false }, cancellationToken: Stop));
        Assert.InRange(await client.TimeToLiveAsync("typed:s", cancellationToken: Stop), 1, 60_000);
        Assert.True(await client.HashSetAsync("typed:h", "f", 1, cancellationToken: Stop));
        Assert.Equal(3, await client.HashIncrementByAsync("typed:h", "f", 2, cancellationToken: Stop));
        Assert.Equal(new Dictionary<string, string> { ["f"] = "3" }, await client.HashGetAllAsync("typed:h", cancellationToken: Stop));
        Assert.InRange(await client.TimeAsync(cancellationToken: Stop), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Contains("redis_version", await client.InfoAsync("server", cancellationToken: Stop), StringComparison.Ordinal);
    }

    // A server forgets scripts when it restarts or fails over; a caller that sees NOSCRIPT has to know about it.
    [Fact]
    public async Task A_script_that_the_server_does_not_know_is_sent_in_full_without_the_caller_noticing()
    {
        await using RespClient client = await ConnectAsync();
        Script script = new("return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])");
        Assert.Equal(2, await client.Command(script, 1).Key("script:h").Write("f").Write(2).ToInt64Async(cancellationToken: Stop));
        await client.Command("SCRIPT FLUSH").ExecuteAsync(cancellationToken: Stop);
        ValueTask<long>[] calls = [.. Enumerable.Range(0, 200).Select(_ => client.Command(script, 1).Key("script:h").Write("f").Write(1).ToInt64Async(cancellationToken: Stop))];
        foreach (ValueTask<long> call in calls)
            Assert.InRange(await call, 3, 202);
        Assert.Equal("202", await client.HashGetTextAsync("script:h", "f", cancellationToken: Stop));
    }

    // A frame that is sent twice, or whose memory is another command's by now, would give every later caller the reply of the one before.
    [Fact]
    public async Task A_command_is_sent_once_and_so_is_its_copy()
    {
        await using RespClient client = await ConnectAsync();
        Task<long> first = SendTwice(client);
        Assert.Equal(1, await first);
        Assert.Equal("sound", await client.EchoAsync("sound", cancellationToken: Stop));
    }

    // A command that is larger than the thread's memory grows, and one that is written while another one is has memory of its own.
    [Fact]
    public async Task Large_and_nested_commands_keep_apart()
    {
        await using RespClient client = await ConnectAsync();
        string large = new('x', 100_000);
        (Task<string?> outer, Task<string?> inner) = Nested(client, large);
        Assert.Equal(large, await outer);
        Assert.Equal("inner", await inner);
    }

    private static Task<long> SendTwice(RespClient client)
    {
        RespCommand command = client.Command("INCRBY").Key("once").Write(1);
        RespCommand copy = command;
        Task<long> first = command.ToInt64Async().AsTask();
        AssertSent(ref command);
        AssertSent(ref copy);
        return first;
    }

    private static void AssertSent(ref RespCommand command)
    {
        try
        {
            _ = command.ToInt64Async().AsTask();
        }
        catch (InvalidOperationException)
        {
            return;
        }

        Assert.Fail("It was sent again.");
    }

    private static (Task<string?> Outer, Task<string?> Inner) Nested(RespClient client, string large)
    {
        RespCommand outer = client.Command("ECHO");
        Task<string?> inner = client.Command("ECHO").Write("inner").ToTextAsync().AsTask();
        return (outer.Write(large).ToTextAsync().AsTask(), inner);
    }
}
