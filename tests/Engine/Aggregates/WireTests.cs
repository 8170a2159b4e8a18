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
        { "sum.f64", 0, "00 08 00 00 00 00 00 00 00 80", "a sum of minus zero" },
        { "sum.f64", 0, "00 08 00 00 00 00 00 00 F0 7F", "an infinite sum" },
        { "sum.f64", 0, "00 08 00 00 00 00 00 00 F8 7F", "a sum of NaN" },
        { "average.i64", 0, "00 10 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "an average of nothing" },
        { "average.i64", 0, "00 10 01 00 00 00 00 00 00 00 FF FF FF FF FF FF FF FF", "an average of less than nothing" },
        { "average.dec", 2, "00 08 01 00 00 00 00 00 00 00", "an average without a count" },
        { "score.i64", 1, "00 21 00 07 FF FF FF FF FF FF 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 00", "a score of NaN" },
        { "score.i64", 1, "00 21 FF F0 00 00 00 00 00 01 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 00", "a score beyond infinity" },
        { "list.first.i64", 1, "00 21 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 00", "an instant whose bits are not flipped" },
        { "list.first.i64", 1, "00 21 54 35 D7 8A 0B C8 BF FF 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 00", "an instant after the last" },
        { "first.i32", 1, "00 21 7F FF FF FF FF FF FF FF 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 00 00 80 00 00 00 00", "an integer beyond its type" },
        { "last.time", 1, "00 21 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 00 40 37 F4 75 28 CA 2B", "a value after the last instant" },
        { "last.time", 1, "00 21 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 08 FF FF FF FF FF FF FF FF", "a value before the first instant" },
        { "set.utf8", 1, "00 0A 00 00 00 00 00 00 00 01 01 FF", "a value that is not UTF-8" },
        { "set.utf8", 1, "00 14 00 00 00 00 00 00 00 01 01 61 00 00 00 00 00 00 00 02 01 62", "more values than the set keeps" },
        { "set.utf8", 9, "00 14 00 00 00 00 00 00 00 02 01 61 00 00 00 00 00 00 00 01 01 62", "hashes that descend" },
        { "set.utf8", 9, "00 14 00 00 00 00 00 00 00 01 01 62 00 00 00 00 00 00 00 01 01 61", "values of one hash that descend" },
        { "set.utf8", 9, "00 14 00 00 00 00 00 00 00 01 01 61 00 00 00 00 00 00 00 01 01 61", "a value twice" },
        { "map.utf8.sum.i64", 9, "00 0A 00 00 00 00 00 00 00 01 01 61", "a key without a value" },
        { "map.utf8.sum.i64", 9, "00 13 00 00 00 00 00 00 00 01 01 61 08 00 00 00 00 00 00 00 00", "a sum of zero that has bytes" },
        { "map.utf8.max.i64", 9, "00 0B 00 00 00 00 00 00 00 01 01 61 00", "an extremum of nothing" },
        { "map.i64.average.i64", 9, "00 12 00 00 00 00 00 00 00 01 08 00 00 00 00 00 00 00 00 00", "an average of nothing for a key" },
        { "histogram", 6, "00 03 00 00 00", "a bucket of nothing" },
        { "histogram", 6, "00 02 00 00", "a bucket without a count" },
        { "histogram", 6, "00 06 00 01 01 00 00 01", "buckets that descend" },
        { "histogram", 6, "00 06 00 01 01 00 01 01", "a bucket twice" },
        { "histogram", 6, "00 03 17 41 01", "a bucket beyond the last" },
        { "histogram", 6, "00 04 00 01 81 00", "a count in two bytes where one would do" },
        { "histogram", 6, "00 0A 00 01 80 80 80 80 80 80 80 10", "a count of 2^53" },
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
    [InlineData("sum.dec", 2, "9C FF FF FF FF FF FF FF", "C8 00 00 00 00 00 00 00", "64 00 00 00 00 00 00 00")]
    [InlineData("sum.f64", 0, "00 00 00 00 00 00 F8 3F", "00 00 00 00 00 00 F8 BF", "")]
    [InlineData("sum.f64", 0, "00 00 00 00 00 00 F8 3F", "00 00 00 00 00 00 F8 3F", "00 00 00 00 00 00 08 40")]
    [InlineData("average.i64", 0, "05 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00", "FB FF FF FF FF FF FF FF 02 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00")]
    [InlineData("set.utf8", 1, "00 00 00 00 00 00 00 01 01 62", "00 00 00 00 00 00 00 01 01 61", "00 00 00 00 00 00 00 01 01 61")]
    [InlineData("map.utf8.sum.i64", 9, "00 00 00 00 00 00 00 01 01 61 08 01 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 01 01 61 08 FF FF FF FF FF FF FF FF", "00 00 00 00 00 00 00 01 01 61 00")]
    [InlineData("map.utf8.max.i32", 9, "00 00 00 00 00 00 00 01 01 61 08 80 00 00 00 00 00 00 05", "00 00 00 00 00 00 00 01 01 61 08 80 00 00 00 00 00 00 07", "00 00 00 00 00 00 00 01 01 61 08 80 00 00 00 00 00 00 07")]
    [InlineData("map.utf8.sum.dec", 9, "00 00 00 00 00 00 00 01 01 61 08 9C FF FF FF FF FF FF FF", "00 00 00 00 00 00 00 01 01 61 08 C8 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 01 01 61 08 64 00 00 00 00 00 00 00", 2)]
    [InlineData("map.utf8.set.utf8", 9, "00 00 00 00 00 00 00 01 01 61 0A 00 00 00 00 00 00 00 07 01 78", "00 00 00 00 00 00 00 01 01 61 0A 00 00 00 00 00 00 00 06 01 79", "00 00 00 00 00 00 00 01 01 61 14 00 00 00 00 00 00 00 06 01 79 00 00 00 00 00 00 00 07 01 78", 2)]
    [InlineData("map.utf8.histogram", 9, "00 00 00 00 00 00 00 01 01 61 03 00 00 7F", "00 00 00 00 00 00 00 01 01 61 03 00 00 01", "00 00 00 00 00 00 00 01 01 61 04 00 00 80 01", 6)]
    [InlineData("histogram", 6, "00 00 05 07 41 7F", "07 41 01 07 42 01", "00 00 05 07 41 80 01 07 42 01")]
    public void Payloads_merge_as_documented(string kind, int parameter, string left, string right, string expected, int valueParameter = 0)
    {
        RecordMerger merger = RecordMerger.For(new AggregateSchema("a", new FieldSchema("F", kind, parameter, valueParameter)));
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
    [InlineData("sum.dec", 19)]
    [InlineData("sum.dec", -1)]
    [InlineData("sum.f64", 1)]
    [InlineData("average.i64", 1)]
    [InlineData("last.i64", 2)]
    [InlineData("list.last.i64", 1001)]
    [InlineData("set.i64", 0)]
    [InlineData("histogram", 1)]
    [InlineData("histogram", 10)]
    [InlineData("map.utf8.sum.i64", 1001)]
    [InlineData("map.utf8.sum.dec", 5, 19)]
    [InlineData("map.utf8.sum.i64", 5, 1)]
    [InlineData("map.utf8.window.utf8", 5, 0)]
    [InlineData("map.utf8.distinct.utf8", 5, 12)]
    [InlineData("map.utf8.opaque", 5, 1)]
    [InlineData("map.utf8.map.utf8.sum.i64", 5)]
    [InlineData("sum.dec", 2, 2)]
    [InlineData("map.i32.sum.i64", 5)]
    public void A_kind_or_a_parameter_that_is_not_known_is_refused_when_the_merger_is_made(string kind, int parameter, int valueParameter = 0)
    {
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => RecordMerger.For(new AggregateSchema("shop", new FieldSchema("Field", kind, parameter, valueParameter))));

        Assert.Contains("'Field'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'shop'", e.Message, StringComparison.Ordinal);
    }

    // A fingerprint that changes cuts every running application off from what it has stored.
    [Fact]
    public void The_fingerprint_of_a_schema_is_what_it_was()
    {
        Assert.Equal(0x9f87dfac66a5e2c6UL, Visit.Definition.Schema.Fingerprint);
        Assert.Equal("sum.i64 0, max.time 0, min.time 0, window.utf8 10, distinct.utf8 14", string.Join(", ", Visit.Definition.Schema.Fields.Select(static field => $"{field.Kind} {field.Parameter}")));
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
