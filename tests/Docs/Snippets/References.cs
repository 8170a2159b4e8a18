using Xunit;

namespace Sluice.Docs.Tests.Snippets.References;

/// <summary>The code of docs/references.md.</summary>
public sealed class ReferencesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_last_one_out_cleans_up()
    {
        CancellationToken ct = Cancellation;
        Store files = new(), database = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);

        IReferenceSet uploads = engine.References("uploads", async (last, lost) =>
            await files.DeleteAsync(last.Key, last.FencingToken, lost));

        await using Reference upload = await uploads.AcquireAsync("upload 7", ct);

        await upload.DisposeAsync();
        Assert.Equal(["upload 7"], files.Names);

        const string record = "record";
        Reference reference = await uploads.AcquireAsync("upload 8", ct);
        DereferenceOutcome outcome = await reference.ReleaseAsync(async (last, lost) => await database.WriteAsync(record, last.FencingToken, lost), ct);
        Assert.Equal(DereferenceOutcome.LastOut, outcome);
        Assert.Equal("record", Assert.Single(database.Names));
        Assert.Single(files.Names);
    }

    private sealed class Store
    {
        public List<string> Names { get; } = [];

        public ValueTask DeleteAsync(string name, long token, CancellationToken cancellation) => WriteAsync(name, token, cancellation);

        public ValueTask WriteAsync(string name, long token, CancellationToken cancellation)
        {
            Assert.True(token > 0 && !cancellation.IsCancellationRequested);
            Names.Add(name);
            return ValueTask.CompletedTask;
        }
    }
}
