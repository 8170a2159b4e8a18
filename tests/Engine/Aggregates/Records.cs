using System.Buffers;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Records of <see cref="Outer.EveryKind"/> as bytes.</summary>
internal static class Records
{
    public static RecordMerger Merger { get; } = RecordMerger.For(Outer.EveryKind.Definition.Schema);

    public static StateProbe<Outer.EveryKind.Event> NewState() => StateProbe<Outer.EveryKind.Event>.Of(Outer.EveryKind.Definition);

    public static StateProbe<Outer.EveryKind.Event> StateOf(IEnumerable<Contribution> contributions)
    {
        StateProbe<Outer.EveryKind.Event> state = NewState();
        foreach (Contribution contribution in contributions)
            Assert.True(state.Merge(contribution.ToEvent(), contribution.Now, contribution.Origin, contribution.Sequence).IsMerged);
        return state;
    }

    /// <summary>The record without its last field, to which every event contributes.</summary>
    public static byte[] WithoutCount(byte[] record) => record.Length == 0 ? record : record[..^(2 + sizeof(long))];

    public static byte[] Of(IEnumerable<Contribution> contributions) => StateOf(contributions).Write();

    public static byte[] Merge(byte[] stored, byte[] delta)
    {
        ArrayBufferWriter<byte> output = new();
        Assert.Equal(RecordMergeStatus.Merged, Merger.TryMerge(stored, delta, output, out int field));
        Assert.Equal(-1, field);
        return output.WrittenSpan.ToArray();
    }

    public static Outer.EveryKind View(byte[] record) => Outer.EveryKind.Definition.Read(Guid.Empty, record);
}
