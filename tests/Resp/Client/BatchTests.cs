using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Commands that leave together.</summary>
public sealed class BatchTests(RedisFixture redis) : ServerTest(redis)
{
    private static readonly Script Increment = new("return redis.call('INCRBY', KEYS[1], ARGV[1])");

    // Four connections: keys of one batch live on several, and replies have to find their way back.
    [Fact]
    public async Task Every_command_has_its_own_reply_across_connections()
    {
        await using RespClient client = await ConnectAsync(options => options with { Connections = 4 });
        using RespBatch batch = client.CreateBatch();
        for (int round = 1; round <= 3; round++)
        {
            for (int key = 0; key < 100; key++)
                Assert.Equal(key, batch.Command("INCRBY").Key($"batch:{key}").Write(key).Add());
            int wrong = batch.Command("LPUSH").Key("batch:1").Write("x").Add();
            int echo = batch.Command("ECHO").Write("Grüße").Add();
            await batch.ExecuteAsync(cancellationToken: Stop);
            for (int key = 0; key < 100; key++)
                Assert.Equal(round * key, batch[key].ToInt64());
            Assert.Equal(RespErrorKind.WrongType, Assert.IsType<RespServerException>(batch[wrong].Error).Kind);
            Assert.False(batch[wrong].IsSuccess);
            Assert.Throws<RespServerException>(() => batch[wrong].ToInt64());
            Assert.Equal("Grüße", batch[echo].ToText());
            Assert.Throws<ArgumentOutOfRangeException>(() => batch[102].ToText());
            batch.Clear();
        }
    }

    [Fact]
    public async Task Scripts_that_the_server_does_not_know_run_in_a_second_round()
    {
        await using RespClient client = await ConnectAsync(options => options with { Connections = 2 });
        await client.Command("SCRIPT FLUSH").ExecuteAsync(cancellationToken: Stop);
        using RespBatch batch = client.CreateBatch();
        for (int key = 0; key < 20; key++)
            batch.Command(Increment, 1).Key($"batch:script:{key}").Write(key + 1).Add();
        int wrong = batch.Command(Increment, 1).Key("batch:script:0").Write("x").Add();
        await batch.ExecuteAsync(cancellationToken: Stop);
        for (int key = 0; key < 20; key++)
            Assert.Equal(key + 1, batch[key].ToInt64());
        Assert.Contains("not an integer", batch[wrong].Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wide_replies_are_read_where_they_lie()
    {
        await using RespClient client = await ConnectAsync();
        string large = new('x', 300_000);
        await client.SetAsync("batch:large", large, cancellationToken: Stop);
        using RespBatch batch = client.CreateBatch();
        for (int i = 0; i < 10; i++)
            batch.Command("GET").Key("batch:large").Add();
        int none = batch.Command("GET").Key("batch:none").Add();
        int list = batch.Command("EVAL").Write("return {1, {'a', 'b'}, false}").Write(0).Add();
        await batch.ExecuteAsync(cancellationToken: Stop);
        for (int i = 0; i < 10; i++)
            Assert.Equal(large, batch[i].ToText());
        Assert.True(batch[none].IsNull);
        Assert.Equal(-1, batch[none].CopyTo([]));
        Assert.Equal(RespValue.Parse("*3\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n_\r\n"u8.ToArray()), batch[list].ToValue());
    }

    // Half a batch that came is worth reading; the other half must say what is known of it.
    [Fact]
    public async Task A_lost_connection_leaves_each_command_with_what_is_known_of_it()
    {
        FakeServer server = new(command => command[0] switch
        {
            "HELLO" => "%0\r\n",
            "DIE" => null,
            _ => "+OK\r\n",
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        using RespBatch batch = client.CreateBatch();
        batch.Command("LIVE").Add();
        batch.Command("DIE").Add();
        batch.Command("LATE").Add();
        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(async () => await batch.ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        Assert.Equal("OK", batch[0].ToText());
        Assert.Same(lost, batch[1].Error);
        Assert.Same(lost, batch[2].Error);
    }

    // A batch that was given up is used again at once, while the replies of its first use are still to come.
    [Fact]
    public async Task A_batch_that_was_called_off_may_be_used_again()
    {
        await using RespClient client = await ConnectAsync();
        using RespBatch batch = client.CreateBatch();
        for (int round = 0; round < 50; round++)
        {
            for (int i = 0; i < 30; i++)
                batch.Command("ECHO").Write($"{round}:{i}").Add();
            using CancellationTokenSource early = new();
            ValueTask execution = batch.ExecuteAsync(cancellationToken: early.Token);
            await early.CancelAsync();
            try
            {
                await execution;
            }
            catch (OperationCanceledException)
            {
                // The other outcome: the replies were faster.
            }

            batch.Clear();
            for (int i = 0; i < 7; i++)
                batch.Command("ECHO").Write($"again {round}:{i}").Add();
            await batch.ExecuteAsync(cancellationToken: Stop);
            for (int i = 0; i < 7; i++)
                Assert.Equal($"again {round}:{i}", batch[i].ToText());
            batch.Clear();
        }

        Assert.Equal("sound", await client.EchoAsync("sound", cancellationToken: Stop));
    }

    [Fact]
    public async Task A_batch_is_executed_once_and_read_afterwards()
    {
        await using RespClient client = await ConnectAsync();
        using RespBatch batch = client.CreateBatch();
        await batch.ExecuteAsync(cancellationToken: Stop);
        batch.Clear();
        batch.Command("PING").Add();
        Assert.Throws<InvalidOperationException>(() => batch[0].ToText());
        await batch.ExecuteAsync(cancellationToken: Stop);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await batch.ExecuteAsync(cancellationToken: Stop));
        Assert.Throws<InvalidOperationException>(() => batch.Command("PING").Add());
    }
}
