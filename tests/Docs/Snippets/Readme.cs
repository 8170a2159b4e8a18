using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Readme;

[Aggregate("visit")]
public partial class Visit
{
    [Key] public partial string VisitorId { get; }
    [Sum] public partial long Hits { get; }
    [Max] public partial DateTimeOffset LastSeen { get; }
    [Window(10)] public partial WindowView<string> LastPages { get; }
    [Distinct] public partial DistinctView Pages { get; }
}

/// <summary>The code of README.md.</summary>
public sealed class ReadmeTests(SharedRedisServer shared)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task In_your_code()
    {
        Database database = new();
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddDays(20_000);
        {
            await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { SoftSession = TimeSpan.FromMinutes(30) });

            var visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = async (visit, lost) =>
                await database.UpsertAsync(visit.Value, visit.IdempotencyKey, lost));

            visits.TryMerge("10.1.2.3", new Visit.Event { Hits = 1, LastSeen = now, LastPages = "/a", Pages = "/a" });
        }

        Visit visit = Assert.Single(database.Rows).Value;
        Assert.Equal(("10.1.2.3", 1L, now, 1L), (visit.VisitorId, visit.Hits, visit.LastSeen, visit.Pages.Count));
    }

    [Fact]
    public async Task The_resp_client()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using RespClient client = await RespClient.ConnectAsync(server.Url);
        long hits = await client.IncrementByAsync("hits", 1);
        Assert.True(hits >= 1); // other pages count on the same server
    }

    private sealed class Database
    {
        public Dictionary<string, Visit> Rows { get; } = [];

        public ValueTask UpsertAsync(Visit visit, string idempotencyKey, CancellationToken lost)
        {
            lost.ThrowIfCancellationRequested();
            lock (Rows)
                Rows[idempotencyKey] = visit;
            return ValueTask.CompletedTask;
        }
    }
}
