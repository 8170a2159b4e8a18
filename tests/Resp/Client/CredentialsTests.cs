using System.Collections.Concurrent;
using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Credentials that change at the worst moment, and providers that misbehave.</summary>
public sealed class CredentialsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // The connection would keep the old credentials for as long as it lives.
    [Fact]
    public async Task Credentials_that_change_during_a_handshake_are_sent_when_it_is_over()
    {
        RotatingCredentials credentials = new(new RespCredentials("me", "first"));
        TaskCompletionSource<string[]> authenticated = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeServer server = new(command =>
        {
            if (command[0] == "HELLO")
                credentials.Rotate(new RespCredentials("me", "second"));
            if (command[0] == "AUTH")
                authenticated.TrySetResult(command);
            return Modern(command);
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { CredentialsProvider = credentials }, Stop);
        Assert.Equal(["AUTH", "me", "second"], await authenticated.Task.WaitAsync(Stop));
    }

    // The next one who takes it would be somebody whose credentials are no longer valid.
    [Fact]
    public async Task A_connection_that_was_in_use_when_credentials_changed_is_not_used_again()
    {
        RotatingCredentials credentials = new(new RespCredentials("me", "first"));
        TaskCompletionSource authenticated = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeServer server = new(command =>
        {
            if (command[0] == "AUTH")
                authenticated.TrySetResult();
            return Modern(command);
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { CredentialsProvider = credentials }, Stop);
        RespWatch watch = await client.WatchAsync(["a"], Stop);
        credentials.Rotate(new RespCredentials("me", "second"));
        await authenticated.Task.WaitAsync(Stop);
        await watch.DisposeAsync();
        Assert.Equal((0, 0), (client.GetState().BlockingInUse, client.GetState().BlockingIdle));
        await (await client.WatchAsync(["a"], Stop)).DisposeAsync();
        Assert.Equal((0, 1), (client.GetState().BlockingInUse, client.GetState().BlockingIdle));
        Assert.Equal("HELLO 3 AUTH me second SETNAME sluice", server.Commands.Last(command => command.StartsWith("HELLO", StringComparison.Ordinal)));
    }

    // The older ones sent last would be the ones that stay.
    [Fact]
    public async Task Two_quick_changes_are_sent_in_their_order()
    {
        ConcurrentQueue<string> sent = [];
        TaskCompletionSource both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeServer server = new(command =>
        {
            if (command[0] == "AUTH")
            {
                sent.Enqueue(command[2]);
                if (sent.Count == 2)
                    both.TrySetResult();
            }

            return Modern(command);
        });
        TaskCompletionSource<RespCredentials> slow = new();
        TestProvider provider = new();
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new RespCredentials("me", "zero")));
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(slow.Task));
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new RespCredentials("me", "second")));
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { CredentialsProvider = provider }, Stop);
        provider.Raise();
        provider.Raise();
        slow.SetResult(new RespCredentials("me", "first"));
        await both.Task.WaitAsync(Stop);
        Assert.Equal(["first", "second"], sent);
    }

    // The link's thread would wait for ever, and whoever disposes the client with it.
    [Fact]
    public async Task A_provider_that_hangs_does_not_hold_up_the_end()
    {
        FakeServer server = new(Modern);
        TestProvider provider = new();
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new TaskCompletionSource<RespCredentials>().Task));
        RespClient client = RespClient.Create(server.Options with { CredentialsProvider = provider, ConnectTimeout = TimeSpan.FromHours(1) });
        await provider.Asked.Task.WaitAsync(Stop);
        await client.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop);
    }

    [Fact]
    public async Task A_provider_that_hangs_fails_the_attempt_at_the_connect_time_out()
    {
        FakeServer server = new(Modern);
        TestProvider provider = new();
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new TaskCompletionSource<RespCredentials>().Task));
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new RespCredentials("me", "found")));
        await using RespClient client = RespClient.Create(server.Options with { CredentialsProvider = provider, ConnectTimeout = TimeSpan.FromMilliseconds(100) });
        await client.PingAsync(TimeSpan.FromSeconds(30), Stop);
    }

    [Fact]
    public async Task A_provider_without_a_password_is_named()
    {
        FakeServer server = new(Modern);
        TestProvider provider = new();
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new RespCredentials("me", "")));
        RespAuthenticationException failure = await Assert.ThrowsAsync<RespAuthenticationException>(
            async () => await RespClient.ConnectAsync(server.Options with { CredentialsProvider = provider }, Stop));
        Assert.Contains("empty password", failure.Message, StringComparison.Ordinal);
    }

    // Code of others under the client's lock is a deadlock that waits for its day.
    [Fact]
    public async Task Disposal_leaves_the_provider_outside_of_the_lock()
    {
        FakeServer server = new(Modern);
        TestProvider provider = new();
        provider.Answers.Enqueue(new ValueTask<RespCredentials>(new RespCredentials("me", "first")));
        RespClient client = await RespClient.ConnectAsync(server.Options with { CredentialsProvider = provider }, Stop);
        bool entered = false;
        provider.Removed = () => entered = Task.Run(() => Assert.Throws<ObjectDisposedException>(() => client.CreateTrackingCache()), Stop).Wait(TimeSpan.FromSeconds(10));
        await client.DisposeAsync();
        Assert.True(entered);
    }

    // No room for the PING that tells the end is no reason to give up: there will be room.
    [Fact]
    public async Task Closing_waits_though_the_connection_is_full()
    {
        using ManualResetEventSlim gate = new();
        FakeServer server = new(command =>
        {
            if (command[0] == "HANG")
                gate.Wait(Stop);
            return Modern(command);
        });
        RespClient client = await RespClient.ConnectAsync(server.Options with { RingSize = 16, WaitForRoom = false }, Stop);
        Task[] all = [.. Enumerable.Range(0, 16).Select(_ => client.Command("HANG").ExecuteAsync(cancellationToken: Stop).AsTask())];
        ValueTask<bool> closing = client.CloseAsync(TimeSpan.FromSeconds(30));
        gate.Set();
        Assert.True(await closing);
        await Task.WhenAll(all);
    }

    // Dozens of idle connections would stand in front of the one that everybody waits for.
    [Fact]
    public void Connections_for_blocking_commands_dial_on_a_budget_of_their_own()
    {
        RespClientOptions options = new();
        ClientLinks links = new(options);
        HelloHandshake handshake = new(options);
        Assert.Same(links.TermsOf("a", handshake, watchesPeer: true).Dials, links.TermsOf("b", handshake, watchesPeer: true).Dials);
        Assert.NotSame(links.TermsOf("a", handshake, watchesPeer: true).Dials, links.TermsOf("b", handshake, watchesPeer: false).Dials);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.009)]
    [InlineData(double.NaN)]
    public void A_rate_of_dials_that_no_wait_can_express_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => (new RespClientOptions() with { DialsPerSecond = rate }).Validate());

    private static string Modern(string[] command) => command[0] == "HELLO" ? "%0\r\n" : "+OK\r\n";

    private sealed class TestProvider : IRespCredentialsProvider
    {
        private EventHandler? _changed;

        public event EventHandler? Changed
        {
            add => _changed += value;
            remove
            {
                _changed -= value;
                Removed?.Invoke();
            }
        }

        public ConcurrentQueue<ValueTask<RespCredentials>> Answers { get; } = [];

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Action? Removed { get; set; }

        public ValueTask<RespCredentials> GetAsync(CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            // The last one is for all who ask later.
            return Answers.Count > 1 && Answers.TryDequeue(out ValueTask<RespCredentials> next) ? next : Answers.First();
        }

        public void Raise() => _changed?.Invoke(this, EventArgs.Empty);
    }
}
