using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

public sealed class BackoffTests
{
    // Clients that lost a server together must not come back together, nor at once.
    [Fact]
    public void Waits_double_up_to_the_cap_each_between_half_and_all_of_it()
    {
        Backoff backoff = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(500), new Random(1));
        HashSet<double> seen = [];
        for (int life = 0; life < 50; life++)
        {
            for (int failure = 0; failure < 100; failure++)
            {
                double whole = Math.Min(500, 10 * Math.Pow(2, failure));
                double wait = backoff.Next().TotalMilliseconds;
                Assert.InRange(wait, whole / 2, whole);
                seen.Add(Math.Round(wait, 3));
            }

            backoff.Reset();
        }

        Assert.True(seen.Count > 1000, "no jitter");
    }

    // Thousands of links to a dead server are a storm of SYNs.
    [Fact]
    public async Task With_a_dead_server_all_links_together_dial_no_more_than_the_budget()
    {
        int dials = 0;
        RespPipeTransport dead = new((_, _) =>
        {
            Interlocked.Increment(ref dials);
            throw new IOException("dead");
        });
        DialBudget budget = new(burst: 10, perSecond: 50);
        LinkUnderTest[] links = [.. Enumerable.Range(0, 20).Select(n => LinkUnderTest.To(
            dead, RespEndpoint.Tcp("dead", 1), terms => terms with { Dials = budget, Seed = n, BackoffFirst = TimeSpan.FromMilliseconds(1), BackoffCap = TimeSpan.FromMilliseconds(2) }))];
        long began = Environment.TickCount64;
        foreach (LinkUnderTest link in links)
            link.Link.Start();
        await Task.Delay(1500);
        foreach (LinkUnderTest link in links)
            await link.DisposeAsync();
        double seconds = (Environment.TickCount64 - began) / 1000.0;

        // The first dial of a link is one of the budget's, too: links that are made in a loop are a storm as well.
        Assert.InRange(dials, 20, 10 + (50 * seconds) + 1);
    }

    // A server that lets everybody in and hangs up: if each greeting woke all the others, they would dial in a loop.
    [Fact]
    public async Task A_server_that_hangs_up_is_dialled_no_faster_for_the_others_success()
    {
        const int Links = 8;
        int dials = 0;
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.EachAsync(static (_, session) => session.Dispose());
        RespPipeTransport transport = new(async (endpoint, cancellation) =>
            Interlocked.Increment(ref dials) % 2 == 0 ? throw new IOException("every other dial fails") : await server.Transport.ConnectAsync(endpoint, cancellation));
        DialBudget budget = new(burst: 1000, perSecond: 1000);
        LinkUnderTest[] links = [.. Enumerable.Range(0, Links).Select(n => LinkUnderTest.To(
            transport, RespEndpoint.Tcp("hangs.up", 1), terms => terms with { Dials = budget, Seed = n, BackoffFirst = TimeSpan.FromMilliseconds(200), BackoffCap = TimeSpan.FromMilliseconds(200) }))];
        long began = Environment.TickCount64;
        foreach (LinkUnderTest link in links)
            link.Link.Start();
        await Task.Delay(1500);
        foreach (LinkUnderTest link in links)
            await link.DisposeAsync();
        double seconds = (Environment.TickCount64 - began) / 1000.0;

        // A link waits for 100 ms at least after a connection that was ready, and as many dials fail as succeed.
        Assert.InRange(dials, Links, 2 * Links * ((10 * seconds) + 1) + 1);
        Assert.True(budget.Recoveries > 0);
    }

    // Links that come and go would leave a queue of tokens that nobody uses, and the links that stay would wait behind it.
    [Fact]
    public async Task A_link_that_is_closed_while_it_waits_takes_no_token()
    {
        DialBudget budget = new(burst: 2, perSecond: 0.001);
        RespPipeTransport dead = new((_, _) => throw new IOException("dead"));
        LinkUnderTest link = LinkUnderTest.To(dead, RespEndpoint.Tcp("dead", 1), terms => terms with { Dials = budget, BackoffFirst = TimeSpan.FromHours(1), BackoffCap = TimeSpan.FromHours(1) });
        await Assert.ThrowsAsync<IOException>(() => link.OpenAsync());

        await link.DisposeAsync();

        Assert.Equal(TimeSpan.Zero, budget.Take());
        Assert.NotEqual(TimeSpan.Zero, budget.Take());
    }

    // Without a bound, a thousand links that were closed while they waited cost the next one almost a minute.
    [Fact]
    public void The_debt_of_the_budget_is_some_seconds_at_most()
    {
        DialBudget budget = new(burst: 10, perSecond: 20);
        for (int n = 0; n < 10_000; n++)
            Assert.InRange(budget.Take().TotalSeconds, 0, 5);
    }

    // A wait that is too long for the system would throw on the link's thread, and with it end the process.
    [Theory]
    [InlineData(1e-6)]
    [InlineData(1e-300)]
    public async Task A_budget_of_almost_nothing_makes_a_link_wait_and_does_not_end_its_thread(double perSecond)
    {
        DialBudget budget = new(burst: 1, perSecond);
        RespPipeTransport dead = new((_, _) => throw new IOException("dead"));
        LinkUnderTest link = LinkUnderTest.To(dead, RespEndpoint.Tcp("dead", 1), terms => terms with { Dials = budget, BackoffFirst = TimeSpan.FromMilliseconds(1), BackoffCap = TimeSpan.FromMilliseconds(1) });
        await Assert.ThrowsAsync<IOException>(() => link.OpenAsync());
        Assert.InRange(budget.Take(), TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(int.MaxValue));

        await link.DisposeAsync();
    }
}
