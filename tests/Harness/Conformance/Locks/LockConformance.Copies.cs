using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Requests that come twice, or late; tokens; what is left behind.</summary>
public abstract partial class LockConformance
{
    // Prevents: a retry that takes a second lock, or waits behind its own first try.
    [Fact]
    public async Task A_repeated_acquire_answers_what_the_first_did()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        AcquireReply again = await held.AgainAsync();
        Assert.Equal((AcquireStatus.Granted, held.Token, held.Reply.Since), (again.Status, again.Token, again.Since));
        HandleUnderTest waiting = await a.LockAsync("x");
        await waiting.AgainAsync();
        Assert.Equal(1, (await Partition.ParticipantsAsync("x")).Waiting);
        await held.ReleaseAsync();
        long token = await waiting.GrantedAsync();
        Assert.Equal((AcquireStatus.Granted, token), ((await waiting.AgainAsync()).Status, (await waiting.AgainAsync()).Token));
    }

    // Prevents: a lock that nobody has, held for as long as the process lives.
    [Fact]
    public async Task A_copy_of_an_acquire_that_comes_after_a_doubtful_release_takes_nothing()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest handle = await a.LockAsync("x");
        Assert.Equal(ReleaseStatus.Released, await handle.ReleaseAsync(doubtful: true));
        Assert.Equal(AcquireStatus.Finished, (await handle.AgainAsync()).Status);
        AssertGranted(await a.LockAsync("x", waits: false));

        // The same for one that never arrived before it was given up.
        AcquireRequest lost = a.Request(LockMode.Exclusive, "y");
        Assert.Equal(ReleaseStatus.NotFound, await a.ReleaseAsync(lost.Number, doubtful: true));
        Assert.Equal(AcquireStatus.Finished, (await a.AgainAsync(lost)).Status);
    }

    // Prevents: memory that grows with every broken connection, and a copy that slips through when it is bounded.
    [Fact]
    public async Task Finished_numbers_are_bounded_and_older_ones_stay_finished()
    {
        SessionUnderTest a = await OpenAsync();
        AcquireRequest first = a.Request(LockMode.Exclusive, "x");
        await a.ReleaseAsync(first.Number, doubtful: true);
        for (int i = 0; i < LockSession.FinishedLimit + 8; i++)
            await a.ReleaseAsync(a.Request(LockMode.Exclusive, "x").Number, doubtful: true);
        Assert.Equal(AcquireStatus.Finished, (await a.AgainAsync(first)).Status);
        AssertGranted(await a.LockAsync("x"));
    }

    // Prevents: a second release that frees the next holder's lock.
    [Fact]
    public async Task A_release_frees_only_its_own_handle()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest first = await a.LockAsync("x");
        HandleUnderTest second = await b.LockAsync("x");
        await first.ReleaseAsync();
        await second.GrantedAsync();
        Assert.Equal(ReleaseStatus.NotFound, await first.ReleaseAsync());
        Assert.Equal(ReleaseStatus.NotFound, await a.ReleaseAsync(second.Number + 100));
        Assert.Equal(b.Id, Assert.Single((await Partition.ParticipantsAsync("x")).Holders).Handle.Session);
    }

    // Prevents: an upgrade that comes back after it was undone.
    [Fact]
    public async Task A_copy_of_an_earlier_conversion_is_refused()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest handle = await a.AcquireAsync(LockMode.Upgradeable, "x");
        AcquireReply up = await handle.ConvertAsync(1, LockMode.Exclusive);
        Assert.Equal((AcquireStatus.Granted, up.Token), ((await handle.ConvertAsync(1, LockMode.Exclusive)).Status, (await handle.ConvertAsync(1, LockMode.Exclusive)).Token));
        Assert.True(up.Token > handle.Token);
        await handle.ConvertAsync(2, LockMode.Upgradeable);
        Assert.Equal(AcquireStatus.Refused, (await handle.ConvertAsync(1, LockMode.Exclusive)).Status);
        Assert.Equal(LockMode.Upgradeable, (await a.LookUpAsync(handle)).Mode);
        Assert.Equal(AcquireStatus.Refused, (await a.ConvertAsync(handle.Number + 1, 1, LockMode.Exclusive)).Status);
    }

    // Prevents: a sink that rejects the new holder because it has seen a higher token of an old one.
    [Fact]
    public async Task Tokens_grow_over_releases_sessions_and_records_that_are_gone()
    {
        long highest = 0;
        for (int i = 0; i < 4; i++)
        {
            SessionUnderTest session = await OpenAsync();
            for (int k = 0; k < 3; k++)
            {
                HandleUnderTest handle = await session.LockAsync("x");
                Assert.True(handle.Token > highest);
                highest = handle.Token;
                await handle.ReleaseAsync();
            }

            await session.CloseAsync();
        }
    }

    // Prevents: a promoted replica, whose clock is behind and which lacks the last writes, issuing tokens again that sinks have seen.
    [Fact]
    public async Task Tokens_are_above_whatever_the_engine_has_seen()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest before = await a.LockAsync("x");
        await before.ReleaseAsync();
        long seen = before.Token + Long;
        HandleUnderTest handle = await a.AcquireAsync(a.Request(LockMode.Exclusive, "x", seen: seen));
        Assert.True(handle.Token > seen);
        Assert.True(handle.Reply.Clock >= handle.Token);
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest next = await b.LockAsync("x");
        await handle.ReleaseAsync();
        Assert.True(await next.GrantedAsync() > handle.Token);
    }

    // Prevents: keys that pile up.
    [Fact]
    public async Task Nothing_is_left_after_release_and_give_up()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        HandleUnderTest waiting = await a.LockAsync("x");
        HandleUnderTest bounded = await a.LockAsync("y", maxHold: Long);
        await waiting.ReleaseAsync();
        await held.ReleaseAsync();
        await bounded.ReleaseAsync();
        Assert.Equal(AcquireStatus.Granted, (await a.LockAsync("z")).Status);
        Assert.Equal(AcquireStatus.Busy, (await a.LockAsync("z", waits: false)).Status);
        Assert.True((await a.CloseAsync()).WasAlive);
        await AssertNothingIsLeftAsync();
    }

    // Prevents: requests of a session that is over taking locks that nobody will ever release.
    [Fact]
    public async Task A_session_that_is_over_changes_nothing()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        HandleUnderTest next = await b.LockAsync("x");
        Assert.True((await a.CloseAsync()).WasAlive);
        await next.GrantedAsync();
        await a.Wakes.NextAsync(wake => wake.Kind == LockWakeKind.SessionEnded && wake.Session == a.Id);

        Assert.Equal(AcquireStatus.SessionLost, (await held.AgainAsync()).Status);
        Assert.Equal(AcquireStatus.SessionLost, (await a.LockAsync("y")).Status);
        Assert.Equal(ReleaseStatus.SessionLost, await held.ReleaseAsync());
        Assert.Equal(AcquireStatus.SessionLost, (await held.ConvertAsync(1, LockMode.Shared)).Status);
        Assert.False((await a.RenewAsync(held.Number)).IsAlive);
        Assert.False((await a.CloseAsync()).WasAlive);
        Assert.Empty((await Partition.ParticipantsAsync("y")).Holders);
        Assert.Equal(b.Id, Assert.Single((await Partition.ParticipantsAsync("x")).Holders).Handle.Session);
    }

    // Prevents: a token that goes back. The request that carries the highest number seen is refused, its reply is the last word of its engine, and the next
    // who asks has seen nothing.
    [Fact]
    public async Task What_an_engine_has_seen_raises_the_clock_whatever_it_is_answered()
    {
        SessionUnderTest a = await OpenAsync();
        long seen = a.Opened.Clock + (10 * Long);
        IncarnationId nobody = new(1, 7, 0);
        Assert.False((await Partition.SendAsync(new RenewRequest(nobody, Long, [], 10) { Seen = seen })).IsAlive);
        Assert.True((await a.LockAsync("x")).Token > seen);
        Assert.Equal(ReleaseStatus.SessionLost, (await Partition.SendAsync(new ReleaseRequest(nobody, 1, IsDoubtful: false) { Seen = 2 * seen })).Status);
        Assert.True((await a.LockAsync("y")).Token > 2 * seen);
        Assert.Equal(AcquireStatus.Busy, (await a.AgainAsync(a.Request(LockMode.Exclusive, "x", waits: false, seen: 3 * seen))).Status);
        Assert.True((await a.LockAsync("z")).Token > 3 * seen);
    }

    // Prevents: a partition that nobody can open any more, because the first whom a server without memory heard of was refused.
    [Fact]
    public async Task A_clock_that_is_all_there_is_does_not_keep_anybody_from_opening()
    {
        IncarnationId nobody = new(1, 7, 0);
        Assert.False((await Partition.SendAsync(new RenewRequest(nobody, Long, [], 10) { Seen = 5 })).IsAlive);
        AssertGranted(await (await OpenAsync()).LockAsync("x"));
    }

    // Prevents: a holder that nobody is, in a session that lives: its engine must be able to find out what it does not know of.
    [Fact]
    public async Task A_session_can_ask_how_many_handles_it_has_and_which()
    {
        SessionUnderTest a = await OpenAsync(), b = await OpenAsync();
        HandleUnderTest[] handles = [await a.LockAsync("x"), await a.LockAsync("y"), await a.LockAsync("x"), await a.LockAsync("z")];
        await b.LockAsync("u");
        await handles[1].ReleaseAsync();
        List<long> counts = [];
        foreach (long upTo in (long[])[0, 1, 2, 3, 4, 1000])
            counts.Add(await a.CountAsync(upTo));
        Assert.Equal([0, 1, 1, 2, 3, 3], counts);
        HandlesReply page = await a.HandlesAsync(after: 0, limit: 2);
        Assert.Equal((long[])[handles[0].Number, handles[2].Number], page.Numbers);
        Assert.True(page.IsUnfinished);
        page = await a.HandlesAsync(after: page.Numbers[^1], limit: 2);
        Assert.Equal(handles[3].Number, Assert.Single(page.Numbers));
        Assert.False(page.IsUnfinished);
        await a.CloseAsync(limit: 1);
        Assert.Empty((await a.HandlesAsync(after: 0, limit: 2)).Numbers);
        Assert.Equal(0, await a.CountAsync(1000));
    }

    // Prevents: two sessions that share an identity after a retried open.
    [Fact]
    public async Task Every_session_has_an_identity_of_its_own()
    {
        LockEngineId engine = new(1, 2);
        OpenSessionRequest request = new(engine, Long, "engine");
        OpenSessionReply first = await Partition.SendAsync(request);
        OpenSessionReply again = await Partition.SendAsync(request);
        Assert.NotEqual(first.Session, again.Session);
        Assert.Equal(engine, LockEngineId.Of(first.Session));
        await Partition.SendAsync(new CloseSessionRequest(first.Session, 100));
        Assert.True((await Partition.SendAsync(new RenewRequest(again.Session, Long, [], 100))).IsAlive);
    }
}
