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

        // Each link's first dial is its own, the rest is the budget's.
        Assert.InRange(dials, 20 + 10, 20 + 10 + (50 * seconds) + 1);
    }
}
