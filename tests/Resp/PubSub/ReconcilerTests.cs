using Sluice.Resp.Client;
using Xunit;
using static Sluice.Resp.Tests.PubSub.Pushes;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>The states and interleavings of a subscription, each played by hand.</summary>
public sealed class ReconcilerTests : IAsyncLifetime
{
    private readonly ScriptedServer _server = new();
    private SubscriptionReconciler _reconciler = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _reconciler = Reconcilers.Make(_server.Terms);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _reconciler.DisposeAsync();

    // Prevents the classic hole: a caller that looks at the state after "subscribing" and before the server knows of it waits for a message that was never sent to it.
    [Fact]
    public async Task A_subscription_is_given_when_the_server_has_confirmed_it_and_not_before()
    {
        Task<RespSubscription> subscribing = SubscribeAsync("a");
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("SUBSCRIBE a", "PING");
        Assert.False(subscribing.IsCompleted);
        await session.SendAsync(Confirm("subscribe", "a") + Push("message", "a", "one") + Pong + Push("message", "a", "two"));

        await using RespSubscription subscription = await subscribing;
        Assert.Equal("one", (await NextAsync(subscription)).Text);
        RespMessage second = await NextAsync(subscription);
        Assert.Equal(("a", "two", (string?)null), (second.Channel, second.Text, second.Pattern));
    }

    // Prevents a second SUBSCRIBE, and an UNSUBSCRIBE that takes the channel away from those who still listen.
    [Fact]
    public async Task Subscribers_of_one_name_share_one_subscription_until_the_last_leaves()
    {
        Task<RespSubscription> one = SubscribeAsync("a"), two = SubscribeAsync("a");
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("SUBSCRIBE a", "PING");
        await session.SendAsync(Confirm("subscribe", "a") + Pong);
        RespSubscription first = await one, second = await two, third = await SubscribeAsync("a");
        await session.SendAsync(Push("message", "a", "x"));
        foreach (RespSubscription subscription in (RespSubscription[])[first, second, third])
            Assert.Equal("x", (await NextAsync(subscription)).Text);

        await first.DisposeAsync();
        await third.DisposeAsync();
        await session.SendAsync(Push("message", "a", "y"));
        Assert.Equal("y", (await NextAsync(second)).Text);
        Assert.False(await first.WaitToReadAsync(Token));

        await second.DisposeAsync();
        await session.ExpectAsync("UNSUBSCRIBE a", "PING");
    }

    // Prevents counting: a server that merges, repeats or reorders confirmations must not shift them to other names.
    [Fact]
    public async Task Confirmations_are_matched_by_name_whatever_their_order_and_count()
    {
        Task<RespSubscription> zero = SubscribeAsync("zero");
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("SUBSCRIBE zero", "PING");
        Task<RespSubscription> a = SubscribeAsync("a"), b = SubscribeAsync("b", RespSubscriptionKind.Pattern), c = SubscribeAsync("b");
        await session.SendAsync(Confirm("subscribe", "zero", 1) + Pong);
        await zero;
        await session.ExpectAsync("SUBSCRIBE a", "PING", "PSUBSCRIBE b", "PING", "SUBSCRIBE b", "PING");
        await session.SendAsync(Confirm("psubscribe", "b", 1) + Confirm("psubscribe", "b", 1) + Confirm("subscribe", "stranger", 99));
        Assert.Equal(RespSubscriptionKind.Pattern, (await b).Kind);
        Assert.False(a.IsCompleted || c.IsCompleted);
        await session.SendAsync(Confirm("subscribe", "a", 0) + Pong + Pong);
        await a;
        Assert.False(c.IsCompleted);
        await session.SendAsync(Confirm("subscribe", "b", -5) + Pong);
        await c;
        await _reconciler.WhenSettledAsync(Token);
        Assert.Equal(1, _reconciler.UnknownPushes);
    }

    // Prevents that one channel that a user may not read takes those of everyone else with it.
    [Theory]
    [InlineData(Pong)]
    [InlineData("-NOPERM this user has no permissions to run the 'ping' command\r\n")]
    public async Task A_refused_name_fails_its_own_subscribers_only_even_where_PING_is_refused(string fence)
    {
        Task<RespSubscription> zero = SubscribeAsync("zero");
        ScriptedSession session = await _server.AcceptAsync(Token);
        Task<RespSubscription> a = SubscribeAsync("a"), secret = SubscribeAsync("secret"), b = SubscribeAsync("b");
        await session.ExpectAsync("SUBSCRIBE zero", "PING");
        await session.SendAsync(Confirm("subscribe", "zero") + fence);
        await session.ExpectAsync("SUBSCRIBE a", "PING", "SUBSCRIBE secret", "PING", "SUBSCRIBE b", "PING");
        await session.SendAsync(Confirm("subscribe", "a") + fence + "-NOPERM No permissions to access a channel\r\n" + fence + Confirm("subscribe", "b") + fence);
        await Task.WhenAll(zero, a, b);
        RespServerException refused = await Assert.ThrowsAsync<RespServerException>(() => secret);
        Assert.Equal(RespErrorKind.NoPermission, refused.Kind);
        await _reconciler.WhenSettledAsync(Token);

        // Refused is not wanted any more: the connection goes on, and the next wish is a new one.
        Task<RespSubscription> again = SubscribeAsync("secret");
        await session.ExpectAsync("SUBSCRIBE secret", "PING");
        await session.SendAsync("-NOPERM No permissions to access a channel\r\n" + fence);
        await Assert.ThrowsAsync<RespServerException>(() => again);
        await _reconciler.WhenSettledAsync(Token);
        Assert.Equal(3, _reconciler.Names);
    }

    // Prevents a subscriber that is confirmed by what is about to end, and one that hears the end of the old subscription as if nothing was missing after it.
    [Fact]
    public async Task Who_subscribes_while_the_end_of_the_name_is_under_way_waits_for_a_new_confirmation()
    {
        RespSubscription old = await OpenAsync("a");
        ScriptedSession session = _session!;
        await old.DisposeAsync();
        await session.ExpectAsync("UNSUBSCRIBE a", "PING");
        Task<RespSubscription> subscribing = SubscribeAsync("a");
        await session.SendAsync(Push("message", "a", "before the end") + Confirm("subscribe", "a") + Confirm("unsubscribe", "a") + Pong);
        await session.ExpectAsync("SUBSCRIBE a", "PING");
        Assert.False(subscribing.IsCompleted);
        await session.SendAsync(Confirm("subscribe", "a") + Pong + Push("message", "a", "new"));
        Assert.Equal("new", (await NextAsync(await subscribing)).Text);
    }

    // Prevents a subscription that stays on the server for nobody.
    [Fact]
    public async Task Who_gives_up_before_the_confirmation_leaves_nothing_behind()
    {
        using CancellationTokenSource giveUp = new();
        Task<RespSubscription> subscribing = SubscribeAsync("a", cancellationToken: giveUp.Token);
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("SUBSCRIBE a", "PING");
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => subscribing);
        await session.SendAsync(Confirm("subscribe", "a") + Pong);
        await session.ExpectAsync("UNSUBSCRIBE a", "PING");
        await session.SendAsync(Confirm("unsubscribe", "a") + Pong);
        await _reconciler.WhenSettledAsync(Token);
    }

    // Prevents a shard channel that falls silent for ever when its slot moves.
    [Fact]
    public async Task A_subscription_that_the_server_ends_unasked_is_made_again_and_the_subscriber_is_told()
    {
        RespSubscription subscription = await OpenAsync("a", RespSubscriptionKind.Shard);
        await _session!.SendAsync(Push("smessage", "a", "1") + Confirm("sunsubscribe", "a", 0));
        await _session.ExpectAsync("SSUBSCRIBE a", "PING");
        await _session.SendAsync(Confirm("ssubscribe", "a") + Push("smessage", "a", "2") + Pong);
        Assert.Equal("1", (await NextAsync(subscription)).Text);
        Assert.Equal(RespGapReasons.Unsubscribed, (await NextAsync(subscription)).Gap!.Reasons);
        Assert.Equal("2", (await NextAsync(subscription)).Text);
    }

    // Prevents the same where it hides best: the answer is there, the fence is not, and the subscription has already ended again.
    [Fact]
    public async Task A_subscription_that_ends_between_its_confirmation_and_the_fence_is_made_again()
    {
        Task<RespSubscription> subscribing = SubscribeAsync("a", RespSubscriptionKind.Shard);
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("SSUBSCRIBE a", "PING");
        await session.SendAsync(Confirm("ssubscribe", "a") + Confirm("sunsubscribe", "a") + Pong);
        await session.ExpectAsync("SSUBSCRIBE a", "PING");
        await session.SendAsync(Confirm("ssubscribe", "a") + Pong);
        Assert.Equal(RespGapReasons.Unsubscribed, (await NextAsync(await subscribing)).Gap!.Reasons);
    }

    // Prevents silence after a reconnect, the complaint that clients get most: everything comes back, and before the first message of the new connection stands the gap.
    [Fact]
    public async Task After_a_reconnect_everything_is_restored_and_every_subscriber_is_told_of_the_gap_when_it_is_over()
    {
        DateTimeOffset began = DateTimeOffset.UtcNow;
        RespSubscription subscription = await OpenAsync("a");
        RespSubscription left = await SubscribeAsync("a");
        await left.DisposeAsync();
        await _session!.SendAsync(Push("message", "a", "1"));
        Assert.Equal("1", (await NextAsync(subscription)).Text);
        _session.Close();
        ScriptedSession next = await _server.AcceptAsync(Token);
        await next.ExpectAsync("SUBSCRIBE a", "PING");
        Assert.Equal(0, subscription.Buffered);
        Task<RespSubscription> late = SubscribeAsync("a");
        next.Close();

        ScriptedSession last = await _server.AcceptAsync(Token);
        await last.ExpectAsync("SUBSCRIBE a", "PING");
        await last.SendAsync(Confirm("subscribe", "a") + Push("message", "a", "2") + Pong);
        RespMessage gap = await NextAsync(subscription);
        Assert.Equal(RespGapReasons.ConnectionLost, gap.Gap!.Reasons);
        Assert.Equal("a", gap.Channel);
        Assert.InRange(gap.Gap.From, began.AddSeconds(-1), gap.Gap.Until);
        Assert.InRange(gap.Gap.Until, gap.Gap.From, DateTimeOffset.UtcNow);
        Assert.Equal("2", (await NextAsync(subscription)).Text);

        // Whoever came after the loss was confirmed once, and has missed nothing since.
        Assert.Equal("2", (await NextAsync(await late)).Text);
    }

    // Prevents a stream that waits for ever for a name that the server will not give any more.
    [Fact]
    public async Task A_subscription_that_cannot_be_restored_ends_with_the_servers_error()
    {
        RespSubscription subscription = await OpenAsync("a");
        _session!.Close();
        ScriptedSession next = await _server.AcceptAsync(Token);
        await next.ExpectAsync("SUBSCRIBE a", "PING");
        await next.SendAsync("-NOPERM not any more\r\n" + Pong);
        await Assert.ThrowsAsync<RespServerException>(async () => await subscription.WaitToReadAsync(Token));
    }

    // Prevents the opposite: an error that passes must not end a subscription for ever.
    [Fact]
    public async Task A_subscription_that_cannot_be_restored_yet_is_tried_again_on_a_new_connection()
    {
        RespSubscription subscription = await OpenAsync("a");
        _session!.Close();
        ScriptedSession next = await _server.AcceptAsync(Token);
        await next.ExpectAsync("SUBSCRIBE a", "PING");
        await next.SendAsync("-BUSY Redis is busy running a script\r\n-BUSY Redis is busy running a script\r\n");
        ScriptedSession last = await _server.AcceptAsync(Token);
        await last.ExpectAsync("SUBSCRIBE a", "PING");
        await last.SendAsync(Confirm("subscribe", "a") + Pong);
        Assert.True((await NextAsync(subscription)).IsGap);
    }

    // Prevents a client that works with new servers only, and a watchdog that starves where PING is answered with a list.
    [Fact]
    public async Task A_RESP2_server_that_sends_lists_is_as_good()
    {
        Task<RespSubscription> subscribing = SubscribeAsync("a*", RespSubscriptionKind.Pattern);
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("PSUBSCRIBE a*", "PING");
        await session.SendAsync("*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:1\r\n" + Array("pong", "") + Array("pmessage", "a*", "ab", "x"));
        RespSubscription subscription = await subscribing;
        RespMessage message = await NextAsync(subscription);
        Assert.Equal(("ab", "a*", "x"), (message.Channel, message.Pattern, message.Text));
        await _reconciler.WhenSettledAsync(Token);
        Assert.Equal(0, _reconciler.Link.Current!.InFlight);
        await subscription.DisposeAsync();
        await session.ExpectAsync("PUNSUBSCRIBE a*", "PING");
        await session.SendAsync("*3\r\n$12\r\npunsubscribe\r\n$2\r\na*\r\n:0\r\n" + Pong);
        await _reconciler.WhenSettledAsync(Token);
    }

    // Prevents a stranger's push from ending a connection, or from being taken for something that it is not.
    [Fact]
    public async Task Pushes_of_unknown_kind_or_shape_are_dropped_and_counted()
    {
        RespSubscription subscription = await OpenAsync("a");
        await _session!.SendAsync(
            ">0\r\n" + Push("server-cpu-usage", "99") + ">3\r\n+SMIGRATED\r\n:1\r\n:2\r\n" + Push("message", "a") + ">3\r\n$7\r\nmessage\r\n*0\r\n$1\r\nx\r\n"
            + Push("pmessage", "a", "x") + Push("message", "a", "b", "c") + ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n%0\r\n" + ">3\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n" + Push("message", "a", "good"));
        Assert.Equal("good", (await NextAsync(subscription)).Text);
        Assert.Equal(9, _reconciler.UnknownPushes);
    }

    // Prevents that a mistake in one handler silences the others.
    [Fact]
    public async Task A_handler_that_throws_ends_its_own_subscription_only()
    {
        RespSubscription subscription = await OpenAsync("a");
        Faulty faulty = new();
        await _reconciler.SubscribeAsync(RespSubscriptionKind.Channel, "a"u8.ToArray(), faulty, Token);
        await _session!.SendAsync(Push("message", "a", "1") + Push("message", "a", "2"));
        Assert.Equal("1", (await NextAsync(subscription)).Text);
        Assert.Equal("2", (await NextAsync(subscription)).Text);
        Assert.Equal((1, 1), (faulty.Messages, faulty.Ends));
    }

    // Prevents readers that hang after the client is gone.
    [Fact]
    public async Task Closing_the_client_ends_streams_behind_what_they_hold_and_fails_who_waits()
    {
        RespSubscription subscription = await OpenAsync("a");
        Task<RespSubscription> waiting = SubscribeAsync("b");
        await _session!.ExpectAsync("SUBSCRIBE b", "PING");
        await _session.SendAsync(Push("message", "a", "1"));
        await subscription.WaitToReadAsync(Token);
        await _reconciler.DisposeAsync();
        await Assert.ThrowsAsync<RespConnectionException>(() => waiting);
        Assert.Equal("1", (await NextAsync(subscription)).Text);
        await Assert.ThrowsAsync<RespConnectionException>(async () => await subscription.WaitToReadAsync(Token));
        await Assert.ThrowsAsync<RespConnectionException>(() => SubscribeAsync("c"));
    }

    // Prevents a subscriber that waits without end for a server that never says a word.
    [Fact]
    public async Task A_confirmation_that_does_not_come_in_time_is_a_time_out()
    {
        await using SubscriptionReconciler impatient = Reconcilers.Make(_server.Terms with { CommandTimeout = 50 });
        await Assert.ThrowsAsync<RespTimeoutException>(
            () => RespSubscription.CreateAsync(impatient, RespSubscriptionKind.Channel, "a", null, TimeProvider.System, Token).AsTask());
    }

    private ScriptedSession? _session;

    private async Task<RespSubscription> OpenAsync(string name, RespSubscriptionKind kind = RespSubscriptionKind.Channel)
    {
        string verb = kind == RespSubscriptionKind.Channel ? "subscribe" : "ssubscribe";
        Task<RespSubscription> subscribing = SubscribeAsync(name, kind);
        _session = await _server.AcceptAsync(Token);
        await _session.ExpectAsync($"{verb.ToUpperInvariant()} {name}", "PING");
        await _session.SendAsync(Confirm(verb, name) + Pong);
        RespSubscription subscription = await subscribing;
        await _reconciler.WhenSettledAsync(Token);
        return subscription;
    }

    private Task<RespSubscription> SubscribeAsync(string name, RespSubscriptionKind kind = RespSubscriptionKind.Channel, CancellationToken? cancellationToken = null) =>
        RespSubscription.CreateAsync(_reconciler, kind, name, null, TimeProvider.System, cancellationToken ?? Token).AsTask();

    private static async Task<RespMessage> NextAsync(RespSubscription subscription)
    {
        RespMessage message;
        while (!subscription.TryRead(out message))
            Assert.True(await subscription.WaitToReadAsync(Token));
        return message;
    }

    private sealed class Faulty : MessageHandler
    {
        public int Messages { get; private set; }

        public int Ends { get; private set; }

        public override void OnMessage(ref PushedMessage message)
        {
            Messages++;
            throw new InvalidOperationException("A mistake.");
        }

        public override void OnGap(RespGap gap) => Assert.Fail("There is none.");

        public override void OnEnded(Exception reason) => Ends++;
    }
}
