using System.Diagnostics;
using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>What one caller does must not reach the others on the same connection.</summary>
public sealed class SharedConnectionTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Each of these would give everybody on the connection other people's replies, another database or nobody's rights.
    [Theory]
    [InlineData("SUBSCRIBE", "SubscribeAsync")]
    [InlineData("psubscribe", "SubscribePatternAsync")]
    [InlineData("SSubscribe", "SubscribeShardAsync")]
    [InlineData("UNSUBSCRIBE", "RespSubscription")]
    [InlineData("PUNSUBSCRIBE", "RespSubscription")]
    [InlineData("SUNSUBSCRIBE", "RespSubscription")]
    [InlineData("MONITOR", "no API")]
    [InlineData("client reply", "counting")]
    [InlineData("CLIENT REPLY OFF", "counting")]
    [InlineData("CLIENT TRACKING", "CreateTrackingCache")]
    [InlineData("MULTI", "CreateTransaction")]
    [InlineData("EXEC", "ExecuteAsync")]
    [InlineData("DISCARD", "RespTransaction")]
    [InlineData("SELECT", "Database")]
    [InlineData("RESET", "RespClientOptions")]
    [InlineData("HELLO", "Protocol")]
    [InlineData("auth", "CredentialsProvider")]
    [InlineData("QUIT", "CloseAsync")]
    [InlineData("SYNC", "replica")]
    [InlineData("PSYNC", "replica")]
    [InlineData("WATCH", "WatchAsync")]
    [InlineData("UNWATCH", "RespWatch")]
    [InlineData("BLPOP", "BlockingPopAsync")]
    [InlineData("brpop", "BlockingCommand")]
    [InlineData("BLMOVE", "BlockingCommand")]
    [InlineData("BZPOPMIN", "BlockingCommand")]
    [InlineData("BZPOPMAX", "BlockingCommand")]
    [InlineData("BRPOPLPUSH", "BlockingCommand")]
    [InlineData("BLMPOP", "BlockingCommand")]
    [InlineData("BZMPOP", "BlockingCommand")]
    [InlineData("WAIT", "WaitForReplicasAsync")]
    [InlineData("waitaof", "WaitForAppendOnlyFileAsync")]
    public async Task A_command_that_others_would_feel_is_refused_and_the_right_API_named(string name, string api)
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        int sent = server.Commands.Count();
        using RespBatch batch = client.CreateBatch();
        using RespTransaction transaction = client.CreateTransaction();
        RespCommandPrefix prefix = new(name, 0);
        Assert.Contains(api, Refused(() => _ = client.Command(name)), StringComparison.Ordinal);
        Assert.Contains(api, Refused(() => _ = client.Command(prefix)), StringComparison.Ordinal);
        Assert.Contains(api, Refused(() => _ = batch.Command(name)), StringComparison.Ordinal);
        Assert.Contains(api, Refused(() => _ = batch.Command(prefix)), StringComparison.Ordinal);
        Assert.Contains(api, Refused(() => _ = transaction.Command(name)), StringComparison.Ordinal);
        Assert.Contains(api, Refused(() => _ = transaction.Command(prefix)), StringComparison.Ordinal);
        Assert.Equal(sent, server.Commands.Count());
    }

    [Fact]
    public async Task A_subcommand_that_comes_as_an_argument_is_seen_too()
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        using RespBatch batch = client.CreateBatch();
        await Assert.ThrowsAsync<NotSupportedException>(async () => await client.Command("client").Write("reply").Write("OFF").ExecuteAsync(cancellationToken: Stop));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await client.Command(new RespCommandPrefix("CLIENT", 2)).Write("Tracking").Write("ON").ExecuteAsync(cancellationToken: Stop));
        Assert.Throws<NotSupportedException>(() => batch.Command("CLIENT").Write("REPLY").Write("OFF").Add());
        await client.Command("CLIENT").Write("LIST").ExecuteAsync(cancellationToken: Stop);
        await client.Command("CLIENT GETNAME").ExecuteAsync(cancellationToken: Stop);
        Assert.DoesNotContain(server.Commands, command => command.Contains("REPLY", StringComparison.OrdinalIgnoreCase) || command.Contains("TRACKING", StringComparison.OrdinalIgnoreCase));
    }

    // Everybody behind it would wait as long as the stream has nothing new.
    [Theory]
    [InlineData("XREAD BLOCK 0 STREAMS s $", true)]
    [InlineData("xread COUNT 1 block 0 STREAMS s $", true)]
    [InlineData("XREADGROUP GROUP g me COUNT 1 BLOCK 10 STREAMS s >", true)]
    [InlineData("XREADGROUP COUNT 1 GROUP BLOCK BLOCK NOACK BLOCK 10 STREAMS s >", true)]
    [InlineData("XREAD STREAMS BLOCK 0", false)]
    [InlineData("XREADGROUP GROUP BLOCK block NOACK STREAMS s >", false)]
    [InlineData("XREAD COUNT 5 STREAMS s 0", false)]
    [InlineData("XREAD", false)]
    public async Task A_read_of_a_stream_that_blocks_is_refused_and_one_that_does_not_is_not(string text, bool blocks)
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        string[] words = text.Split(' ');
        using RespBatch batch = client.CreateBatch();
        using RespTransaction transaction = client.CreateTransaction();
        Action[] ways =
        [
            () => Send(client.Command(words[0]), words),
            () => Send(client.Command(new RespCommandPrefix(words[0], words.Length - 1)), words),
            () => Add(batch.Command(words[0]), words),
            () => Add(transaction.Command(new RespCommandPrefix(words[0], words.Length - 1)), words),
        ];
        foreach (Action way in ways)
        {
            if (blocks)
                Assert.Contains("BlockingCommand", Refused(way), StringComparison.Ordinal);
            else
                way();
        }

        Send(client.BlockingCommand(words[0]), words);
        await using RespWatch watch = await client.WatchAsync(["a"], Stop);
        Send(watch.Command(words[0]), words);
        await client.PingAsync(cancellationToken: Stop);
        Assert.Equal(blocks ? 2 : 4, server.Commands.Count(command => string.Equals(command, text, StringComparison.OrdinalIgnoreCase)));

        static void Send(RespCommand command, string[] words)
        {
            foreach (string word in words[1..])
                command.Write(word);
            command.ExecuteAsync(cancellationToken: Stop).AsTask().Wait(Stop);
        }

        static void Add(RespListedCommand command, string[] words)
        {
            foreach (string word in words[1..])
                command.Write(word);
            command.Add();
        }
    }

    // The wait belongs to the connection that wrote: anywhere else it is over at once.
    [Fact]
    public async Task The_wait_for_the_append_only_file_goes_behind_the_writes_of_its_key()
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Task write = client.SetAsync("key", "value", cancellationToken: Stop).AsTask();
        Assert.Equal((1, 2), await client.WaitForAppendOnlyFileAsync("key", 1, 2, TimeSpan.FromMilliseconds(1500), Stop));
        await write;
        Assert.Equal(["SET key value", "WAITAOF 1 2 1500"], server.Commands.SkipWhile(command => command != "SET key value"));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await client.WaitForAppendOnlyFileAsync("key", 2, 0, TimeSpan.FromSeconds(1), Stop));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await client.WaitForAppendOnlyFileAsync("key", 1, 0, TimeSpan.Zero, Stop));
    }

    // A connection of its own goes back to others as well: what would stay on it is refused there too.
    [Fact]
    public async Task A_connection_of_ones_own_takes_what_blocks_and_nothing_that_stays()
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        await client.BlockingCommand("BLPOP").Key("list").Write(0).ExecuteAsync(cancellationToken: Stop);
        Assert.Throws<NotSupportedException>(() => _ = client.BlockingCommand("SUBSCRIBE"));
        Assert.Throws<NotSupportedException>(() => _ = client.BlockingCommand("WATCH"));
        Assert.Equal(2, await client.WaitForReplicasAsync("key", 2, TimeSpan.FromSeconds(1), Stop));
        await using RespWatch watch = await client.WatchAsync(["a"], Stop);
        await watch.Command("WATCH").Key("b").ExecuteAsync(cancellationToken: Stop);
        await watch.Command("BLPOP").Key("list").Write(1).ExecuteAsync(cancellationToken: Stop);
        Assert.Throws<NotSupportedException>(() => _ = watch.Command("SELECT"));
        Assert.Throws<NotSupportedException>(() => _ = watch.Command("MULTI"));
    }

    // Its connection is somebody else's by then.
    [Fact]
    public async Task A_watch_that_was_disposed_sends_nothing()
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        RespWatch watch = await client.WatchAsync(["a"], Stop);
        using RespTransaction transaction = watch.CreateTransaction();
        transaction.Command("SET").Key("a").Write(1).Add();
        await watch.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await watch.Command("GET").Key("a").ExecuteAsync(cancellationToken: Stop));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await transaction.ExecuteAsync(cancellationToken: Stop));
        await watch.DisposeAsync();
        Assert.Equal(1, server.Commands.Count(command => command == "UNWATCH"));
        Assert.Equal(1, client.GetState().BlockingIdle);
    }

    // The connection still reads its frames, and writes replies into its memory, which would be somebody else's by then.
    [Fact]
    public async Task A_transaction_cannot_be_changed_while_it_executes()
    {
        FakeServer server = new(command => command[0] is "EXEC" or "SET" or "MULTI" ? "" : command[0] == "GO" ? "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+GONE\r\n" : Modern(command));
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        RespTransaction transaction = client.CreateTransaction();
        transaction.Command("SET").Key("a").Write(1).Add();
        Task<bool> execution = transaction.ExecuteAsync(cancellationToken: Stop).AsTask();
        Assert.Equal(1, transaction.Count);
        Assert.Throws<InvalidOperationException>(transaction.Clear);
        Assert.Throws<InvalidOperationException>(transaction.Dispose);
        Assert.Throws<InvalidOperationException>(() => transaction.Command("SET").Key("a").Write(1).Add());
        Assert.Throws<InvalidOperationException>(() => _ = transaction[0].Error);
        await client.Command("GO").ExecuteAsync(cancellationToken: Stop);
        Assert.True(await execution);
        Assert.Null(transaction[0].Error);
        transaction.Dispose();
        Assert.Throws<ObjectDisposedException>(() => transaction.Command("SET").Key("a").Write(1).Add());
        Assert.Throws<ObjectDisposedException>(transaction.Clear);
    }

    // A function or script that has run, and says something similar itself, would run twice.
    [Theory]
    [InlineData("ERR Function not found", true)]
    [InlineData("ERR my Function not found", false)]
    [InlineData("ERR Function not found in my table", false)]
    public async Task A_function_is_called_again_only_when_the_server_does_not_know_it(string error, bool again)
    {
        FakeServer server = new(command => command[0] == "FCALL" ? $"-{error}\r\n" : Modern(command));
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Function function = new FunctionLibrary("#!lua name=mine").Function("f");
        await Assert.ThrowsAsync<RespServerException>(async () => await client.Command(function, 0).ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(again ? 2 : 1, server.Commands.Count(command => command.StartsWith("FCALL", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("NOSCRIPT No matching script. Please use EVAL.", true)]
    [InlineData("NOSCRIPT No matching script.", true)]
    [InlineData("NOSCRIPT No matching script", true)]
    [InlineData("NOSCRIPT says the script itself", false)]
    public async Task A_script_is_sent_again_only_when_the_server_does_not_know_it(string error, bool again)
    {
        FakeServer server = new(command => command[0] == "EVALSHA" ? $"-{error}\r\n" : Modern(command));
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Script script = new("return 1");
        using RespBatch batch = client.CreateBatch();
        batch.Command(script, 0).Add();
        await batch.ExecuteAsync(cancellationToken: Stop);
        Assert.Equal(again, batch[0].Error is null);
        if (again)
            await client.Command(script, 0).ExecuteAsync(cancellationToken: Stop);
        else
            await Assert.ThrowsAsync<RespServerException>(async () => await client.Command(script, 0).ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(again ? 2 : 0, server.Commands.Count(command => command.StartsWith("EVAL ", StringComparison.Ordinal)));
    }

    // A batch over two connections of which one is lost told callers of the other that their script is not known, which is the client's business.
    [Fact]
    public async Task A_script_of_a_batch_is_sent_again_although_another_connection_was_lost()
    {
        FakeServer server = new(command => command[0] switch
        {
            "LOSE" => null,
            "EVALSHA" => "-NOSCRIPT No matching script.\r\n",
            _ => Modern(command),
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { Connections = 2 }, Stop);
        string[] keys = [.. Enumerable.Range(0, 100).Select(n => $"key{n}")];
        string one = keys.First(key => (KeyHash.Of(System.Text.Encoding.ASCII.GetBytes(key)) & 1) == 0), other = keys.First(key => (KeyHash.Of(System.Text.Encoding.ASCII.GetBytes(key)) & 1) == 1);
        using RespBatch batch = client.CreateBatch();
        batch.Command("LOSE").Key(one).Add();
        batch.Command(new Script("return 1"), 1).Key(other).Add();
        await Assert.ThrowsAsync<RespConnectionException>(async () => await batch.ExecuteAsync(cancellationToken: Stop));
        Assert.IsType<RespConnectionException>(batch[0].Error);
        Assert.Null(batch[1].Error);
    }

    // The refusal may be a text that the script itself produced after it had done something: "not sent" would be a licence to do it twice.
    [Fact]
    public async Task A_script_of_a_batch_whose_second_form_cannot_be_sent_may_have_run()
    {
        // A reply too many ends the connection behind the refusal.
        FakeServer server = new(command => command[0] == "EVALSHA" ? "-NOSCRIPT No matching script.\r\n:1\r\n" : Modern(command));
        int dials = 0;
        RespPipeTransport once = new(async (endpoint, cancellation) => Interlocked.Increment(ref dials) == 1 ? await server.Transport.ConnectAsync(endpoint, cancellation) : throw new IOException("gone"));
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { Transport = once, WaitForConnection = false }, Stop);
        using RespBatch batch = client.CreateBatch();
        batch.Command(new Script("return 1"), 0).Add();
        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(async () => await batch.ExecuteAsync(cancellationToken: Stop));
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        Assert.Equal(CommandOutcome.Unknown, Assert.IsType<RespConnectionException>(batch[0].Error).Outcome);
    }

    // Its memory is another command's by then.
    [Fact]
    public async Task A_copy_of_a_command_that_was_sent_takes_no_arguments()
    {
        FakeServer server = new(Modern);
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Task sent = SendAndKeep(client);
        await sent;
        Assert.Contains("SET a b", server.Commands);
    }

    // A token that fires while the command is being measured: the connection that it had would be lost for ever, and its span would never end.
    [Fact]
    public async Task A_token_that_fires_before_the_command_is_sent_gives_everything_back()
    {
        FakeServer server = new(Modern);
        using CancellationTokenSource calledOff = new();
        int stopped = 0;
        RespClient? mine = null;
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == RespClient.TelemetryName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = activity =>
            {
                if (activity.DisplayName.StartsWith("BLPOP cancelled-host", StringComparison.Ordinal))
                {
                    calledOff.Cancel();
                    // The old order gave the connection back here, before anybody knew of the span.
                    SpinWait.SpinUntil(() => mine!.GetState().BlockingInUse == 0, 100);
                }
            },
            ActivityStopped = activity =>
            {
                if (activity.DisplayName.StartsWith("BLPOP cancelled-host", StringComparison.Ordinal))
                    Interlocked.Increment(ref stopped);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using RespClient client = mine = await RespClient.ConnectAsync(server.Options with { Endpoint = RespEndpoint.Tcp("cancelled-host", 1) }, Stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.BlockingCommand("BLPOP").Key("a").Write(0).ExecuteAsync(cancellationToken: calledOff.Token));
        Assert.Equal(1, stopped);
        Assert.Equal(0, client.GetState().BlockingInUse);
    }

    [Fact]
    public async Task A_listener_that_throws_breaks_no_command()
    {
        FakeServer server = new(Modern);
        int thrown = 0;
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == RespClient.TelemetryName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = activity =>
            {
                if (activity.DisplayName.Contains("throwing-host", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref thrown);
                    throw new InvalidOperationException("mine");
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { Endpoint = RespEndpoint.Tcp("throwing-host", 1) }, Stop);
        await client.PingAsync(cancellationToken: Stop);
        Assert.Null(Activity.Current);
        await client.BlockingCommand("BLPOP").Key("a").Write(0).ExecuteAsync(cancellationToken: Stop);
        Assert.Equal(2, thrown);
        Assert.Equal((0, 1), (client.GetState().BlockingInUse, client.GetState().BlockingIdle));
    }

    private static Task SendAndKeep(RespClient client)
    {
        RespCommand command = client.Command("SET").Key("a").Write("b");
        RespCommand copy = command;
        Task sent = command.ExecuteAsync(cancellationToken: Stop).AsTask();
        bool refused = false;
        try
        {
            copy.Write("c");
        }
        catch (InvalidOperationException)
        {
            refused = true;
        }

        Assert.True(refused);
        return sent;
    }

    private static string Refused(Action begin) => Assert.Throws<NotSupportedException>(begin).Message;

    private static string Modern(string[] command) => command[0] switch
    {
        "HELLO" => "%0\r\n",
        "WAIT" => ":2\r\n",
        "WAITAOF" => "*2\r\n:1\r\n:2\r\n",
        _ => "+OK\r\n",
    };
}
