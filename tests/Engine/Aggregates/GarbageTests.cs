using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>
/// What a coordinator does with bytes that no state has written. Prevents: a process that dies of another's bug, memory taken on the word of a
/// length, and two byte forms of one state, which would make equal records look different.
/// </summary>
public sealed class GarbageTests
{
    private static readonly byte[] Untouched = [1, 2, 3];

    [Fact]
    public void Damaged_records_are_read_alike_by_the_merger_and_the_state() =>
        Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            Random random = new(seed);
            byte[] record = Records.Of(events);
            for (int i = 0; i < 20; i++)
                AssertReadAlike(Damage(record, random));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(20));

    [Fact]
    public void Random_bytes_are_read_alike_by_the_merger_and_the_state()
    {
        Random random = new(20260301);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            if (bytes.Length > 1)
            {
                // A plausible frame, so that more than the first byte is looked at.
                bytes[0] %= 20;
                bytes[1] = (byte)(random.Next(4) == 0 ? bytes[1] : bytes.Length - 2);
            }

            AssertReadAlike(bytes);
        }
    }

    [Theory]
    [InlineData("00 FF FF FF FF 07")] // 2 GiB are claimed
    [InlineData("00 FF FF FF FF FF FF FF FF FF 01")]
    [InlineData("0D FF FF FF FF 07 80 00 00 00")] // in a window
    [InlineData("0D 1D 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 FF FF FF FF 07")] // in a window's element
    public void A_lying_length_takes_no_memory(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        ArrayBufferWriter<byte> output = new(16);
        Records.Merger.TryMerge(bytes, default, output, out _);

        long before = GC.GetAllocatedBytesForCurrentThread();
        RecordMergeStatus status = Records.Merger.TryMerge(default, bytes, output, out _);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(RecordMergeStatus.Malformed, status);
        Assert.Equal(0, allocated);
    }

    private static byte[] Damage(byte[] record, Random random)
    {
        List<byte> bytes = [.. record];
        for (int i = 1 + random.Next(3); i > 0; i--)
        {
            int at = random.Next(bytes.Count + 1);
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private static void AssertReadAlike(byte[] bytes)
    {
        byte[]? written = null;
        try
        {
            written = Records.NewState().Read(bytes).Write();
        }
        catch (InvalidDataException)
        {
            // The one error that reading may end in.
        }

        AssertMerges(bytes, [], written);
        AssertMerges([], bytes, written);
    }

    private static void AssertMerges(byte[] stored, byte[] delta, byte[]? expected)
    {
        ArrayBufferWriter<byte> output = new();
        output.Write(Untouched);
        RecordMergeStatus status = Records.Merger.TryMerge(stored, delta, output, out int field);
        if (expected is null)
        {
            Assert.Equal(RecordMergeStatus.Malformed, status);
            Assert.Equal(Untouched, output.WrittenSpan);
            Assert.InRange(field, -1, Outer.EveryKind.Definition.Schema.Fields.Length - 1);
            return;
        }

        // What is accepted is canonical: one state, one form.
        Assert.Equal(RecordMergeStatus.Merged, status);
        Assert.Equal([.. stored, .. delta], expected);
        Assert.Equal([.. Untouched, .. expected], output.WrittenSpan.ToArray());
    }
}
