using System.Collections.Concurrent;
using Sluice.Samples.Referencing;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>disref's example.</summary>
public sealed class ReferencesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a record that is written by both, by neither, or without what the other has found out.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_is_the_last_to_use_the_record_writes_all_of_it(bool addressFirst)
    {
        await using InProcessCoordinator coordinator = new();
        await using SluiceEngine lookup = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator }, Cancellation);
        await using SluiceEngine verification = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator }, Cancellation);
        ConcurrentDictionary<string, UserRecord> cache = new();
        UserDatabase database = new();
        Enrichment emails = new(lookup, cache, database), addresses = new(verification, cache, database);
        Reference byEmail = await emails.BeginAsync("me", Cancellation), byAddress = await addresses.BeginAsync("me", Cancellation);

        Func<Task<bool>> email = () => emails.ApplyAsync(byEmail, static record => record with { Email = "e" }, Cancellation);
        Func<Task<bool>> address = () => addresses.ApplyAsync(byAddress, static record => record with { Address = "a" }, Cancellation);
        Assert.False(await (addressFirst ? address : email)());
        Assert.Null(database["me"]);
        Assert.True(await (addressFirst ? email : address)());
        Assert.Equal((new UserRecord("e", "a"), 1, 2L), (database["me"], database.Writes, database.TimesModified("me")));
    }
}
