using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>What a connection begins with, against servers of every kind.</summary>
public sealed class HandshakeTests
{
    private const string Greeting = "%3\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:42\r\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Each round trip of the handshake is one more in every reconnect of every client at once.
    [Fact]
    public async Task Everything_goes_in_one_write()
    {
        FakeServer server = new(Modern);
        RespClientOptions options = server.Options with { Credentials = new RespCredentials("me", "secret"), Database = 3, NoEvict = true };
        await using RespClient client = await RespClient.ConnectAsync(options, Stop);
        Assert.Equal(
            ["HELLO 3 AUTH me secret SETNAME sluice", "CLIENT SETINFO LIB-NAME Sluice.Resp", "CLIENT SETINFO LIB-VER 0.1.0", "SELECT 3", "CLIENT NO-EVICT ON", "PING"],
            Assert.Single(server.Reads).Select(words => string.Join(' ', words)));
        RespLinkState state = Assert.Single(client.GetState().Links);
        Assert.Equal((3, "7.4.0", true), (state.Protocol, state.ServerVersion, state.IsOpen));
    }

    // Servers before version 6, and proxies, know neither HELLO nor users.
    [Theory]
    [InlineData("-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `secret`, \r\n")]
    [InlineData("-NOPROTO unsupported protocol version\r\n")]
    public async Task A_server_without_HELLO_is_spoken_to_in_RESP2(string refusal)
    {
        FakeServer server = new(command => command[0] switch
        {
            "HELLO" => refusal,
            "SELECT" when command[1] != "3" => "-ERR DB index is out of range\r\n",
            _ => Modern(command),
        });
        RespClientOptions options = server.Options with { Credentials = new RespCredentials(null, "secret"), Database = 3 };
        await using RespClient client = await RespClient.ConnectAsync(options, Stop);
        Assert.Equal(2, server.Reads.Count);
        Assert.Equal(["AUTH secret", "CLIENT SETNAME sluice"], server.Reads.Last().Take(2).Select(words => string.Join(' ', words)));
        Assert.Equal(2, client.GetState().Links[0].Protocol);
    }

    [Fact]
    public async Task A_client_that_insists_on_RESP3_does_not_fall_back()
    {
        FakeServer server = new(command => command[0] == "HELLO" ? "-NOPROTO unsupported protocol version\r\n" : Modern(command));
        RespConnectionException failure = await Assert.ThrowsAsync<RespConnectionException>(
            async () => await RespClient.ConnectAsync(server.Options with { Protocol = RespProtocolPreference.Resp3 }, Stop));
        Assert.Contains("NOPROTO", failure.Message, StringComparison.Ordinal);
    }

    // A caller has to tell a wrong password from a network that is down.
    [Theory]
    [InlineData("-WRONGPASS invalid username-password pair or user is disabled.\r\n", RespErrorKind.WrongPass)]
    [InlineData("-NOAUTH HELLO must be called with the client already authenticated\r\n", RespErrorKind.NoAuth)]
    [InlineData("-NOPERM this user has no permissions to run the 'hello' command\r\n", RespErrorKind.NoPermission)]
    public async Task A_refusal_of_the_credentials_has_a_type(string refusal, RespErrorKind kind)
    {
        FakeServer server = new(command => command[0] == "HELLO" ? refusal : Modern(command));
        RespAuthenticationException failure = await Assert.ThrowsAsync<RespAuthenticationException>(
            async () => await RespClient.ConnectAsync(server.Options with { Credentials = new RespCredentials("me", "secret") }, Stop));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains("'me'", failure.Message, StringComparison.Ordinal);
    }

    // Servers and proxies repeat the arguments of commands that they don't know, and exceptions end up in logs.
    [Fact]
    public async Task A_password_that_the_server_repeats_is_not_in_the_exception()
    {
        FakeServer server = new(command => command[0] is "HELLO" or "AUTH" ? $"-ERR unknown command `{command[0]}`, with args beginning with: `topsecret`\r\n" : Modern(command));
        RespAuthenticationException failure = await Assert.ThrowsAsync<RespAuthenticationException>(
            async () => await RespClient.ConnectAsync(server.Options with { Credentials = new RespCredentials(null, "topsecret") }, Stop));
        Assert.DoesNotContain("topsecret", failure.ToString(), StringComparison.Ordinal);
    }

    // A server that loads its data greets and selects, but every command fails: the connection must not look ready.
    [Fact]
    public async Task A_server_that_is_loading_is_dialled_again_until_it_serves()
    {
        int pings = 0;
        FakeServer server = new(command => command[0] == "PING" && Interlocked.Increment(ref pings) <= 3 ? "-LOADING Redis is loading the dataset in memory\r\n" : Modern(command));
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { BackoffFirst = TimeSpan.FromMilliseconds(1) }, Stop);
        Assert.Equal(4, pings);
        Assert.True(client.GetState().IsConnected);
    }

    [Fact]
    public async Task A_server_that_never_ends_loading_is_named_when_time_is_up()
    {
        FakeServer server = new(command => command[0] == "PING" ? "-LOADING Redis is loading the dataset in memory\r\n" : Modern(command));
        RespConnectionException failure = await Assert.ThrowsAsync<RespConnectionException>(
            async () => await RespClient.ConnectAsync(server.Options with { ConnectTimeout = TimeSpan.FromMilliseconds(200) }, Stop));
        Assert.Contains("LOADING", failure.Message, StringComparison.Ordinal);
        Assert.Equal(CommandOutcome.NotSent, failure.Outcome);
    }

    [Fact]
    public async Task Names_and_courtesies_that_the_server_refuses_are_no_failure()
    {
        FakeServer server = new(command => command[0] == "CLIENT" ? "-ERR Unknown subcommand\r\n" : Modern(command));
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { NoEvict = true }, Stop);
        await client.PingAsync(cancellationToken: Stop);
    }

    [Fact]
    public async Task A_database_that_does_not_exist_is_named()
    {
        FakeServer server = new(command => command[0] == "SELECT" ? "-ERR DB index is out of range\r\n" : Modern(command));
        RespConnectionException failure = await Assert.ThrowsAsync<RespConnectionException>(async () => await RespClient.ConnectAsync(server.Options with { Database = 99 }, Stop));
        Assert.Contains("SELECT 99", failure.Message, StringComparison.Ordinal);
    }

    // Commands that wait for a connection must not wait out their time when the password is wrong: nothing will change within it.
    [Fact]
    public async Task Commands_that_wait_fail_as_soon_as_the_credentials_are_refused()
    {
        FakeServer server = new(command => command[0] == "HELLO" ? "-WRONGPASS no\r\n" : Modern(command));
        await using RespClient client = RespClient.Create(server.Options with { Credentials = new RespCredentials("me", "secret"), CommandTimeout = TimeSpan.FromMinutes(1) });
        RespConnectionException failure = await Assert.ThrowsAsync<RespConnectionException>(async () => await client.PingAsync(cancellationToken: Stop));
        Assert.Equal(CommandOutcome.NotSent, failure.Outcome);
        Assert.IsType<RespAuthenticationException>(failure.InnerException);
    }

    // A token that expires must not cost a connection, or a command.
    [Fact]
    public async Task Rotated_credentials_authenticate_open_connections_again_and_greet_new_ones()
    {
        TaskCompletionSource<string[]> authenticated = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeServer server = new(command =>
        {
            if (command[0] == "AUTH")
                authenticated.TrySetResult(command);
            return command[0] == "DROP" ? null : Modern(command);
        });
        RotatingCredentials credentials = new(new RespCredentials("me", "first"));
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { CredentialsProvider = credentials }, Stop);
        credentials.Rotate(new RespCredentials("me", "second"));
        Assert.Equal(["AUTH", "me", "second"], await authenticated.Task.WaitAsync(Stop));
        await client.PingAsync(cancellationToken: Stop);
        Assert.Null(client.CredentialsFault);
        Assert.Equal(1, client.GetState().Links[0].Openings);

        await Assert.ThrowsAsync<RespConnectionException>(async () => await client.Command("DROP").ExecuteAsync(cancellationToken: Stop));
        await client.PingAsync(cancellationToken: Stop);
        Assert.Contains("HELLO 3 AUTH me second SETNAME sluice", server.Commands);
    }

    private static string Modern(string[] command) => command[0] switch
    {
        "HELLO" => Greeting,
        "PING" => "+PONG\r\n",
        _ => "+OK\r\n",
    };
}
