using System.Text;
using Sluice.Coordination;
using Sluice.Referencing;
using Xunit;

namespace Sluice.Tests.References;

/// <summary>What an application may ask for, and what it is told otherwise.</summary>
public sealed class ReferenceSetTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: two handlers of one engine for one set, and names that no coordinator can store.
    [Fact]
    public async Task A_set_is_registered_once_under_a_name_that_can_be_stored()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Assert.Equal("a.b_c-1", engine.References("a.b_c-1", Nothing).Name);
        Assert.Throws<InvalidOperationException>(() => engine.References("a.b_c-1", Nothing));
        Assert.Throws<ArgumentException>(() => engine.References("", Nothing));
        Assert.Throws<ArgumentException>(() => engine.References("with blanks", Nothing));
        Assert.Throws<ArgumentException>(() => engine.References(new string('n', 54), Nothing));
        engine.References(new string('n', 53), Nothing);
        Assert.Throws<ArgumentNullException>(() => engine.References("no handler", null!));
        OptionsException fault = Assert.Throws<OptionsException>(() => engine.References("b", Nothing, static options => options.MaxAttempts = 0));
        Assert.Contains("MaxAttempts", fault.Message, StringComparison.Ordinal);
        await engine.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => engine.References("late", Nothing));
    }

    // Prevents: two strings that name one resource, and one that no partition can keep.
    [Fact]
    public async Task A_key_that_no_coordinator_can_store_is_refused()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        IReferenceSet set = engine.References("things", Nothing);
        foreach (string key in new[] { "", new('k', 513), "\ud800" })
            await Assert.ThrowsAnyAsync<ArgumentException>(async () => await set.AcquireAsync(key, Cancellation));
        await using Reference longest = await set.AcquireAsync(new string('k', 512), Cancellation);
        Assert.True(longest.IsHeld);
    }

    // Prevents: a description that is longer than what a request has room for, or is cut in the middle of a character.
    [Theory]
    [InlineData("ä", 128)]
    [InlineData("😀", 64)]
    [InlineData("n", 256)]
    public void A_description_is_cut_to_what_a_partition_keeps(string character, int kept)
    {
        string cut = ReferenceDefinition.HolderOf(string.Concat(Enumerable.Repeat(character, 200)) + character);
        Assert.Equal(string.Concat(Enumerable.Repeat(character, Math.Min(kept, 201))), cut);
        Assert.True(Encoding.UTF8.GetByteCount(cut) <= ReferenceTerms.MaxHolderBytes);
    }

    // Prevents: an engine that dies of an exception that nobody could see coming, because a caller had given up waiting.
    [Fact]
    public async Task A_callback_goes_on_when_its_caller_has_given_up_waiting()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        IReferenceSet set = engine.References("things", Nothing);
        Reference reference = await set.AcquireAsync("x", Cancellation);
        TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously), leave = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource patience = new();
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            async (_, _) =>
            {
                entered.SetResult();
                await leave.Task;
            },
            patience.Token).AsTask();
        await entered.Task;
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => release);
        leave.SetResult();
        Assert.Equal(DereferenceOutcome.LastOut, await reference.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(0, await set.CountAsync("x", Cancellation));
    }

    private static ValueTask Nothing(LastRelease last, CancellationToken lost) => ValueTask.CompletedTask;
}
