using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>The bytes that docs/fields.md states for opaque fields.</summary>
public sealed class OpaqueBytesTests
{
    private const int BytesOfDelta = 24;
    private const int Slack = 512;

    // Prevents resources of which each takes more memory than anybody reckoned with: the list takes what is stated, and a merge into a list that has its room takes nothing.
    [Fact]
    public void Deltas_take_what_is_stated_beside_their_own_bytes_and_a_merge_nothing_more()
    {
        Opaque<Marked>[] contributions = [.. Enumerable.Range(0, OpaquePayload.LocalItems).Select(static i => new Opaque<Marked>(new Marked(i)))];
        OpaqueState<Marked> warm = default, state = default;
        Fill(ref warm, contributions);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Fill(ref state, contributions);
        long grown = GC.GetAllocatedBytesForCurrentThread() - before;
        state.Reset();
        before = GC.GetAllocatedBytesForCurrentThread();
        Fill(ref state, contributions);
        long again = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(grown, OpaquePayload.LocalItems * BytesOfDelta, (2 * OpaquePayload.LocalItems * BytesOfDelta) + Slack);
        Assert.Equal(0, again);
    }

    // What an event's contribution takes is its bytes, once, when the event is made.
    [Fact]
    public void A_contribution_takes_its_bytes()
    {
        _ = new Opaque<Marked>(new Marked(1));
        const int Times = 100;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Times; i++)
            _ = new Opaque<Marked>(new Marked(i));
        long each = (GC.GetAllocatedBytesForCurrentThread() - before) / Times;

        Assert.InRange(each, 16 + BytesOfDelta, 16 + BytesOfDelta + 8);
    }

    private static void Fill(ref OpaqueState<Marked> state, Opaque<Marked>[] contributions)
    {
        long sequence = 0;
        MergeContext context = new(0, 0, ref sequence);
        foreach (Opaque<Marked> contribution in contributions)
            state.Merge(contribution, in context);
    }
}
