using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>What servers do to their clients: passwords, restarts, sockets of another kind.</summary>
public sealed class ServerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<RespProtocolPreference> Protocols => [RespProtocolPreference.Resp2, RespProtocolPreference.Resp3];

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Users_and_passwords_are_those_of_the_server(RespProtocolPreference protocol)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--user", "me", "on", ">pass", "~*", "+@all"], Stop);
        Assert.Equal("+OK", await server.AskAsync(["CONFIG", "SET", "requirepass", "sécret"], Stop));
        RespClientOptions options = RespClientOptions.Parse(server.Url) with { Protocol = protocol };

        await using (RespClient byPassword = await RespClient.ConnectAsync(options with { Credentials = new RespCredentials(null, "sécret") }, Stop))
            Assert.Equal("default", await byPassword.Command("ACL WHOAMI").ToTextAsync(cancellationToken: Stop));
        await using (RespClient byUser = await RespClient.ConnectAsync(options with { Credentials = new RespCredentials("me", "pass"), ClientName = "named" }, Stop))
        {
            Assert.Equal("me", await byUser.Command("ACL WHOAMI").ToTextAsync(cancellationToken: Stop));
            Assert.Equal("named", await byUser.Command("CLIENT GETNAME").ToTextAsync(cancellationToken: Stop));
            Assert.Equal(protocol == RespProtocolPreference.Resp3 ? 3 : 2, byUser.GetState().Links[0].Protocol);
        }

        RespAuthenticationException wrong = await Assert.ThrowsAsync<RespAuthenticationException>(
            async () => await RespClient.ConnectAsync(options with { Credentials = new RespCredentials("me", "wrong one") }, Stop));
        Assert.Equal(RespErrorKind.WrongPass, wrong.Kind);
        Assert.DoesNotContain("wrong one", wrong.ToString(), StringComparison.Ordinal);
        RespAuthenticationException none = await Assert.ThrowsAsync<RespAuthenticationException>(async () => await RespClient.ConnectAsync(options, Stop));
        Assert.Equal(RespErrorKind.NoAuth, none.Kind);
    }

    // A rotated password must reach connections that live for months, and the next one that is made.
    [Fact]
    public async Task Rotated_credentials_change_who_open_connections_are()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--user", "old", "on", ">a", "~*", "+@all", "--user", "new", "on", ">b", "~*", "+@all"], Stop);
        RotatingCredentials credentials = new(new RespCredentials("old", "a"));
        await using RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(server.Url) with { CredentialsProvider = credentials, Connections = 2 }, Stop);
        (await client.BlockingPopAsync("rotate", TimeSpan.FromMilliseconds(1), Stop)).Dispose();
        Assert.Equal(1, client.GetState().BlockingIdle);
        credentials.Rotate(new RespCredentials("new", "b"));
        // AUTH went out before Rotate returned, because this provider need not wait: commands that come later are the new user's.
        foreach (string key in new[] { "a", "b", "c", "d", "e" })
            await client.ExistsAsync(key, cancellationToken: Stop);
        string[] clients = [.. (await client.Command("CLIENT LIST").ToTextAsync(cancellationToken: Stop))!.Split('\n').Where(line => line.Contains("name=sluice", StringComparison.Ordinal) && !line.Contains("cmd=blpop", StringComparison.Ordinal))];
        Assert.Equal(2, clients.Length);
        Assert.All(clients, line => Assert.Contains(" user=new ", line, StringComparison.Ordinal));
        Assert.Equal(0, client.GetState().BlockingIdle);
        Assert.Null(client.CredentialsFault);
        Assert.All(client.GetState().Links, link => Assert.Equal(1, link.Openings));
    }

    [Fact]
    public async Task A_server_on_a_Unix_socket_is_reached_by_its_URL()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "redis.sock");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--unixsocket", path], Stop);
        await using RespClient client = await RespClient.ConnectAsync($"unix://{path}?db=4", Stop);
        await client.SetAsync("unix", "x", cancellationToken: Stop);
        Assert.Contains("db4:keys=1", await client.InfoAsync("keyspace", cancellationToken: Stop), StringComparison.Ordinal);
    }

    // Every failure while the server is away must say what is known, and afterwards everything works as before: database, name, scripts.
    [Fact]
    public async Task A_restarted_server_is_used_again_in_the_same_state()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Stop);
        await using RespClient client = await RespClient.ConnectAsync(
            RespClientOptions.Parse(server.Url) with { Database = 2, ClientName = "restored", CommandTimeout = TimeSpan.FromSeconds(60) }, Stop);
        Script script = new("return redis.call('INCR', KEYS[1])");
        Assert.Equal(1, await client.Command(script, 1).Key("n").ToInt64Async(cancellationToken: Stop));

        Task<long> blocked = client.BlockingCommand("BLPOP").Key("nothing").Write(0).ToInt64Async(cancellationToken: Stop).AsTask();
        while (!(await client.InfoAsync("clients", cancellationToken: Stop))!.Contains("blocked_clients:1", StringComparison.Ordinal))
            await Task.Yield();
        server.Process.Kill();
        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(() => blocked);
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        while (client.GetState().Links[0].IsOpen)
            await Task.Yield();
        Task<long>[] waiting = [.. Enumerable.Range(0, 100).Select(_ => client.Command(script, 1).Key("n").ToInt64Async(cancellationToken: Stop).AsTask())];
        await server.RestartAsync(Stop);

        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), (await Task.WhenAll(waiting)).Order());
        Assert.Equal("restored", await client.Command("CLIENT GETNAME").ToTextAsync(cancellationToken: Stop));
        Assert.Contains("db2:keys=1", await client.InfoAsync("keyspace", cancellationToken: Stop), StringComparison.Ordinal);
    }

    // A server that does not answer at all leaves only the deadline.
    [Fact]
    public async Task A_deadline_of_one_call_is_its_own()
    {
        FakeServer server = new(command => command[0] switch
        {
            "HELLO" => "%0\r\n",
            "HANG" => "",
            _ => "+OK\r\n",
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options, Stop);
        Task patient = client.Command("HANG").ExecuteAsync(Timeout.InfiniteTimeSpan, Stop).AsTask();
        RespTimeoutException late = await Assert.ThrowsAsync<RespTimeoutException>(async () => await client.Command("HANG").ExecuteAsync(TimeSpan.FromMilliseconds(30), Stop));
        Assert.Equal(CommandOutcome.Unknown, late.Outcome);
        Assert.Equal(2, late.State!.InFlight);
        Assert.False(patient.IsCompleted);
        await client.DisposeAsync();
        await Assert.ThrowsAsync<RespConnectionException>(() => patient);
    }
}
