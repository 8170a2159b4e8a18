using Xunit;

namespace Sluice.Harness.Tests;

public sealed class PrivateRedisServerTests
{
    private static CancellationToken GiveUp => TestContext.Current.CancellationToken;

    public PrivateRedisServerTests() => Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");

    // Crash tests stand on this: what was acknowledged with fsync always is there again, on the same port, after kill -9.
    [Fact]
    public async Task A_killed_server_comes_back_on_its_port_with_its_files()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--appendonly", "yes", "--appendfsync", "always"], GiveUp);
        string url = server.Url;
        Assert.Equal("+OK", await server.AskAsync(["SET", "key", "two\nlines"], GiveUp));
        int firstProcess = server.Process.Id;

        server.Process.Kill();
        await server.RestartAsync(GiveUp);

        Assert.NotEqual(firstProcess, server.Process.Id);
        Assert.Equal(url, server.Url);
        Assert.Equal("$9\ntwo\nlines", await server.AskAsync(["GET", "key"], GiveUp));
    }

    [Fact]
    public async Task A_server_without_persistence_forgets_when_stopped()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], GiveUp);
        await server.AskAsync(["SET", "key", "value"], GiveUp);

        await server.StopAsync(GiveUp);
        await server.RestartAsync(GiveUp);

        Assert.Equal("$-1", await server.AskAsync(["GET", "key"], GiveUp));
    }

    // What a client sees of a paused server: the connection is accepted by the kernel, the answer comes when the server goes on.
    [Fact]
    public async Task A_suspended_server_answers_when_resumed()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], GiveUp);

        server.Process.Suspend();
        Task<string> reply = server.AskAsync(["ECHO", "late"], GiveUp);
        server.Process.Resume();

        Assert.Equal("$4\nlate", await reply);
    }

    [Fact]
    public async Task Servers_are_strangers_to_each_other_and_leave_nothing()
    {
        PrivateRedisServer one = await PrivateRedisServer.StartAsync([], GiveUp);
        PrivateRedisServer other = await PrivateRedisServer.StartAsync([], GiveUp);

        await one.AskAsync(["SET", "key", "value"], GiveUp);
        Assert.Equal(":0", await other.AskAsync(["EXISTS", "key"], GiveUp));
        Assert.Equal("*2\n$5\nvalue\n$-1", await one.AskAsync(["MGET", "key", "none"], GiveUp));

        await one.DisposeAsync();
        await other.DisposeAsync();
        Assert.False(Directory.Exists(one.Folder));
        Assert.DoesNotContain(ProcessHost.Live, host => host == one.Process || host == other.Process);
    }

    // A wrong directive must not look like a time-out.
    [Fact]
    public async Task A_server_that_refuses_its_configuration_fails_with_its_own_words()
    {
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => PrivateRedisServer.StartAsync(["--no-such-directive", "1"], GiveUp));

        Assert.Contains("no-such-directive", failure.Message, StringComparison.Ordinal);
        Assert.Contains("ended with status", failure.Message, StringComparison.Ordinal);
    }
}
