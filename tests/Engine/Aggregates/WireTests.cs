using System.Buffers;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>The examples of docs/wire.md. Prevents: a stored form that changes while its fingerprint stays, so that what is stored cannot be read.</summary>
public sealed class WireTests
{
    // Two forms of one state would be two states to everything that compares bytes.
    public static TheoryData<string, int, string, string> Malformed => new()
    {
        { "sum.i64", 0, "00 08 00 00 00 00 00 00 00 00", "a sum of zero" },
        { "sum.i64", 0, "00 07 01 00 00 00 00 00 00", "a short sum" },
        { "sum.i64", 0, "00 09 01 00 00 00 00 00 00 00 00", "a long sum" },
        { "sum.i32", 0, "00 08 00 00 00 80 00 00 00 00", "a sum beyond its type" },
        { "sum.i64", 0, "00 88 00 01 00 00 00 00 00 00 00", "a length in two bytes where one would do" },
        { "sum.i64", 0, "00 00", "an empty payload" },
        { "sum.i64", 0, "01 08 01 00 00 00 00 00 00 00", "a field that is not declared" },
        { "sum.i64", 0, "00 08 01 00 00 00 00 00 00 00 00 08 01 00 00 00 00 00 00 00", "a field twice" },
        { "sum.i64", 0, "00 08 01 00 00 00 00 00 00 00 00", "a trailing byte" },
        { "sum.i64", 0, "00", "an index alone" },
        { "max.f64", 0, "00 08 FF F8 00 00 00 00 00 00", "NaN" },
        { "max.f64", 0, "00 08 00 00 00 00 00 00 00 00", "NaN with a sign" },
        { "max.i32", 0, "00 08 80 00 00 00 80 00 00 00", "an extremum beyond its type" },
        { "min.time", 0, "00 08 7F FF FF FF FF FF FF FF", "an instant before the first" },
        { "min.time", 0, "00 08 AB CA 28 75 F4 37 40 00", "an instant after the last" },
        { "window.i64", 1, "00 20 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00", "an element of the wrong length" },
        { "window.utf8", 1, "00 1A 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 01 FF", "text that is not UTF-8" },
        { "window.utf8", 1, "00 19 7F FF FF FF FF FF FF FF 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00", "an element before the first instant" },
        { "window.utf8", 1, "00 32 80 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00", "more elements than the window keeps" },
        { "window.utf8", 2, "00 32 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00", "elements that ascend" },
        { "window.utf8", 2, "00 32 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00", "an element twice" },
        { "distinct.utf8", 14, "00 06 00 00 81 00 00 41", "registers that descend" },
        { "distinct.utf8", 14, "00 06 00 00 41 00 00 42", "a register twice" },
        { "distinct.utf8", 14, "00 03 00 00 40", "a rank of zero" },
        { "distinct.utf8", 14, "00 03 00 00 74", "a rank beyond the last" },
        { "distinct.utf8", 14, "00 03 10 00 01", "a register beyond the last" },
        { "distinct.utf8", 14, "00 04 00 00 41 00", "a part of an entry" },
    };

    [Fact]
    public void A_record_is_written_as_documented()
    {
        StateProbe<Visit.Event> state = StateProbe<Visit.Event>.Of(Visit.Definition);
        DateTimeOffset instant = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        state.Merge(new() { Hits = 3, LastSeen = instant, LastPages = new Stamped<string>("/a", instant), Pages = "/index.html" }, origin: 7, sequence: 1);

        Assert.Equal(
            "00 08 03 00 00 00 00 00 00 00 " +
            "01 08 88 DE 77 8A 10 8C 20 00 " +
            "03 1B 88 DE 77 8A 10 8C 20 00 00 00 00 00 00 00 00 07 80 00 00 00 00 00 00 01 02 2F 61 " +
            "04 03 0F 3E 01",
            Hex(state.Write()));
    }

    [Theory]
    [InlineData("sum.i64", 0, "FF FF FF FF FF FF FF FF", "01 00 00 00 00 00 00 00", "")]
    [InlineData("sum.i64", 0, "FF FF FF FF FF FF FF FF", "03 00 00 00 00 00 00 00", "02 00 00 00 00 00 00 00")]
    [InlineData("max.i64", 0, "80 00 00 00 00 00 00 00", "7F FF FF FF FF FF FF FF", "80 00 00 00 00 00 00 00")]
    [InlineData("min.i64", 0, "80 00 00 00 00 00 00 00", "7F FF FF FF FF FF FF FF", "7F FF FF FF FF FF FF FF")]
    [InlineData("distinct.utf8", 14, "00 00 41 00 00 85", "00 00 43 00 01 01", "00 00 43 00 00 85 00 01 01")]
    public void Payloads_merge_as_documented(string kind, int parameter, string left, string right, string expected)
    {
        RecordMerger merger = RecordMerger.For(new AggregateSchema("a", new FieldSchema("F", kind, parameter)));
        ArrayBufferWriter<byte> output = new();

        Assert.Equal(RecordMergeStatus.Merged, merger.TryMerge(Framed(left), Framed(right), output, out _));
        Assert.Equal(expected.Length == 0 ? [] : Framed(expected), output.WrittenSpan.ToArray());
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void What_is_not_the_canonical_form_is_malformed(string kind, int parameter, string record, string why)
    {
        RecordMerger merger = RecordMerger.For(new AggregateSchema("a", new FieldSchema("F", kind, parameter)));
        ArrayBufferWriter<byte> output = new();

        Assert.True(RecordMergeStatus.Malformed == merger.TryMerge(default, Bytes(record), output, out _), why);
        Assert.True(RecordMergeStatus.Malformed == merger.TryMerge(Bytes(record), default, output, out _), why);
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void A_dense_sketch_of_few_registers_or_of_impossible_ranks_is_malformed()
    {
        byte[] few = new byte[DistinctPayload.DenseBytes];
        few.AsSpan(0, 4095 * 6 / 8).Fill(0b0100_0001);
        Assert.False(DistinctPayload.IsCanonical(few));

        byte[] impossible = [.. Enumerable.Repeat((byte)0xFF, DistinctPayload.DenseBytes)];
        Assert.False(DistinctPayload.IsCanonical(impossible));
    }

    [Theory]
    [InlineData("sum.u128", 0)]
    [InlineData("sum.i64", 1)]
    [InlineData("max.i64", 1)]
    [InlineData("window.utf8", 0)]
    [InlineData("window.utf8", 1001)]
    [InlineData("distinct.utf8", 12)]
    public void A_kind_or_a_parameter_that_is_not_known_is_refused_when_the_merger_is_made(string kind, int parameter)
    {
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => RecordMerger.For(new AggregateSchema("shop", new FieldSchema("Field", kind, parameter))));

        Assert.Contains("'Field'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'shop'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7F")]
    [InlineData(128, "80 01")]
    [InlineData(16383, "FF 7F")]
    [InlineData(16384, "80 80 01")]
    [InlineData(int.MaxValue, "FF FF FF FF 07")]
    public void Lengths_have_one_form(int value, string hex)
    {
        byte[] bytes = new byte[Varint.MaxBytes];
        int size = Varint.Write(bytes, value);

        Assert.Equal(hex, Hex(bytes[..size]));
        Assert.Equal(size, Varint.SizeOf(value));
        ReadOnlySpan<byte> rest = [.. bytes[..size], 9];
        Assert.True(Varint.TryTake(ref rest, out int read));
        Assert.Equal(value, read);
        Assert.Equal(1, rest.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("80 00")]
    [InlineData("FF FF FF FF 08")]
    [InlineData("FF FF FF FF FF 01")]
    public void What_is_no_length_is_not_taken(string hex)
    {
        ReadOnlySpan<byte> bytes = Bytes(hex);
        int length = bytes.Length;

        Assert.False(Varint.TryTake(ref bytes, out _));
        Assert.Equal(length, bytes.Length);
    }

    private static byte[] Framed(string payload)
    {
        byte[] bytes = Bytes(payload);
        return [0, (byte)bytes.Length, .. bytes];
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private static string Hex(byte[] bytes) => string.Join(' ', bytes.Select(static b => b.ToString("X2")));
}
