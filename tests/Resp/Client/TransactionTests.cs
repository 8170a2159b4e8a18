using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>MULTI, EXEC and WATCH.</summary>
public sealed class TransactionTests(RedisFixture redis) : ServerTest(redis)
{
    [Theory]
    [InlineData(RespProtocolPreference.Resp2)]
    [InlineData(RespProtocolPreference.Resp3)]
    public async Task Commands_run_together_and_each_has_its_reply(RespProtocolPreference protocol)
    {
        await using RespClient client = await ConnectAsync(options => options with { Connections = 4, Protocol = protocol });
        using RespTransaction transaction = client.CreateTransaction();
        for (int round = 0; round < 3; round++)
        {
            string key = $"tx:{protocol}:{round}";
            int increment = transaction.Command("INCRBY").Key(key).Write(5).Add();
            int wrong = transaction.Command("LPUSH").Key(key).Write("x").Add();
            int list = transaction.Command("EVAL").Write("return {1, {'a'}, 'b'}").Write(0).Add();
            int script = transaction.Command(new Script("return redis.call('GET', KEYS[1])"), 1).Key(key).Add();
            int none = transaction.Command("GET").Key("tx:none").Add();
            Assert.Equal(5, transaction.Count);
            Assert.True(await transaction.ExecuteAsync(cancellationToken: Stop));
            Assert.Equal(5, transaction.Count);
            Assert.Equal(5, transaction[increment].ToInt64());
            Assert.Equal(RespErrorKind.WrongType, Assert.IsType<RespServerException>(transaction[wrong].Error).Kind);
            Assert.Equal("[1, [\"a\"], \"b\"]", transaction[list].ToValue().ToString());
            Assert.Equal(5, transaction[script].ToInt64());
            Assert.True(transaction[none].IsNull);
            transaction.Clear();
        }
    }

    [Fact]
    public async Task One_command_that_is_refused_beforehand_stops_all_and_says_why()
    {
        await using RespClient client = await ConnectAsync();
        using RespTransaction transaction = client.CreateTransaction();
        int good = transaction.Command("INCRBY").Key("tx:abort").Write(1).Add();
        int bad = transaction.Command("NOSUCHCOMMAND").Write("x").Add();
        RespServerException failure = await Assert.ThrowsAsync<RespServerException>(async () => await transaction.ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(RespErrorKind.ExecAbort, failure.Kind);
        Assert.Contains("unknown command", transaction[bad].Error!.Message, StringComparison.Ordinal);
        Assert.Equal(RespErrorKind.ExecAbort, Assert.IsType<RespServerException>(transaction[good].Error).Kind);
        Assert.False(await client.ExistsAsync("tx:abort", cancellationToken: Stop));
    }

    // Commands of other callers on the same connection must not get into somebody's MULTI.
    [Fact]
    public async Task Transactions_of_many_callers_on_one_connection_do_not_mix()
    {
        await using RespClient client = await ConnectAsync();
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async caller =>
        {
            using RespTransaction transaction = client.CreateTransaction();
            for (int round = 0; round < 50; round++)
            {
                Assert.Equal($"{caller}", await client.EchoAsync($"{caller}", cancellationToken: Stop));
                int first = transaction.Command("INCRBY").Key($"tx:mix:{caller}").Write(1).Add();
                int second = transaction.Command("INCRBY").Key("tx:mix").Write(1).Add();
                int third = transaction.Command("INCRBY").Key("tx:mix").Write(1).Add();
                Assert.True(await transaction.ExecuteAsync(cancellationToken: Stop));
                Assert.Equal(round + 1, transaction[first].ToInt64());
                Assert.Equal(transaction[second].ToInt64() + 1, transaction[third].ToInt64());
                transaction.Clear();
            }
        }));
        Assert.Equal(3200, await client.GetInt64Async("tx:mix", cancellationToken: Stop));
    }

    [Fact]
    public async Task A_watched_key_that_changed_stops_the_transaction()
    {
        await using RespClient client = await ConnectAsync();
        await client.SetAsync("watch:n", 1, cancellationToken: Stop);
        foreach (bool interferes in new[] { true, false })
        {
            await using RespWatch watch = await client.WatchAsync(["watch:n"], Stop);
            long seen = await watch.Command("GET").Key("watch:n").ToInt64Async(cancellationToken: Stop);
            if (interferes)
                await client.IncrementByAsync("watch:n", 10, cancellationToken: Stop);
            using RespTransaction transaction = watch.CreateTransaction();
            transaction.Command("SET").Key("watch:n").Write(seen + 1).Add();
            Assert.Equal(!interferes, await transaction.ExecuteAsync(cancellationToken: Stop));
            if (interferes)
                Assert.Equal(RespErrorKind.ExecAbort, Assert.IsType<RespServerException>(transaction[0].Error).Kind);
        }

        Assert.Equal(12, await client.GetInt64Async("watch:n", cancellationToken: Stop));
        Assert.Equal((0, 1), (client.GetState().BlockingInUse, client.GetState().BlockingIdle));
    }

    // The connection that watched is gone and another one made: EXEC on that one would run without any watch.
    [Fact]
    public async Task A_watch_whose_connection_was_lost_sends_nothing_any_more()
    {
        await using RespClient client = await ConnectAsync();
        await using RespWatch watch = await client.WatchAsync(["watch:lost"], Stop);
        long id = await watch.Command("CLIENT ID").ToInt64Async(cancellationToken: Stop);
        await client.Command("CLIENT KILL").Write("ID").Write(id).ExecuteAsync(cancellationToken: Stop);
        using RespTransaction transaction = watch.CreateTransaction();
        transaction.Command("SET").Key("watch:lost").Write("x").Add();
        await Assert.ThrowsAsync<RespConnectionException>(async () => await transaction.ExecuteAsync(cancellationToken: Stop));
        transaction.Clear();
        transaction.Command("SET").Key("watch:lost").Write("x").Add();
        RespConnectionException failure = await Assert.ThrowsAsync<RespConnectionException>(async () => await transaction.ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(CommandOutcome.NotSent, failure.Outcome);
        Assert.False(await client.ExistsAsync("watch:lost", cancellationToken: Stop));
    }
}
