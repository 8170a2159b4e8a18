using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination.Redis;
using Sluice.Resp;
using Sluice.Tests.Aggregates;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The vectors of the stored form's own tests and the edges that random records seldom reach. Prevents: two readings of docs/wire.md.</summary>
public sealed class RecordMergeVectorTests(RecordMergeServer server) : IClassFixture<RecordMergeServer>
{
    // An identity but for the last byte of its sequence.
    private const string ElementOfTick0 = "80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00";

    public static TheoryData<string, int, string, string, string> Documented => new()
    {
        { "sum.i64", 0, "FF FF FF FF FF FF FF FF", "01 00 00 00 00 00 00 00", "" },
        { "sum.i64", 0, "FF FF FF FF FF FF FF FF", "03 00 00 00 00 00 00 00", "02 00 00 00 00 00 00 00" },
        { "max.i64", 0, "80 00 00 00 00 00 00 00", "7F FF FF FF FF FF FF FF", "80 00 00 00 00 00 00 00" },
        { "min.i64", 0, "80 00 00 00 00 00 00 00", "7F FF FF FF FF FF FF FF", "7F FF FF FF FF FF FF FF" },
        { "distinct.utf8", 14, "00 00 41 00 00 85", "00 00 43 00 01 01", "00 00 43 00 00 85 00 01 01" },

        // One identity with two values: bytes decide, not letters, and the longer is greater than its beginning.
        { "window.utf8", 3, ElementOfTick0 + "00 01 41", ElementOfTick0 + "00 01 61", ElementOfTick0 + "00 01 61" },
        { "window.utf8", 3, ElementOfTick0 + "00 01 7A", ElementOfTick0 + "00 02 C3 A9", ElementOfTick0 + "00 02 C3 A9" },
        { "window.utf8", 3, ElementOfTick0 + "00 00", ElementOfTick0 + "00 01 00", ElementOfTick0 + "00 01 00" },
        { "window.utf8", 3, ElementOfTick0 + "00 02 00 62", ElementOfTick0 + "00 02 00 61", ElementOfTick0 + "00 02 00 62" },
    };

    [Theory]
    [MemberData(nameof(Documented))]
    public async Task Payloads_merge_as_documented(string kind, int parameter, string left, string right, string expected)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter));
        MergeCase there = MergeCase.Of(schema, Framed(left), Framed(right));
        MergeCase back = MergeCase.Of(schema, Framed(right), Framed(left));

        foreach (MergedRecord merged in await server.MergeAsync(schema, [there, back], TestContext.Current.CancellationToken))
        {
            Assert.Equal(RecordMergeStatus.Merged, merged.Status);
            Assert.Equal(expected.Length == 0 ? [] : Framed(expected), merged.Small.Concat(merged.Large));
        }
    }

    [Theory]
    [MemberData(nameof(WireTests.Malformed), MemberType = typeof(WireTests))]
    public async Task What_is_not_the_canonical_form_is_malformed(string kind, int parameter, string record, string why)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter));
        bool isLarge = SchemaDescriptor.IsLarge(schema.Fields[0]);
        byte[] bytes = Bytes(record);
        MergeCase[] cases = [new([], [], bytes), isLarge ? new([], bytes, []) : new(bytes, [], []), new(bytes, bytes, bytes)];

        foreach (MergedRecord merged in await server.MergeAsync(schema, cases, TestContext.Current.CancellationToken))
            Assert.True(merged is { Status: RecordMergeStatus.Malformed, Small.Length: 0, Large.Length: 0 }, why);
    }

    // Every pair and triple of bytes that opens a sequence, at its boundaries.
    [Fact]
    public async Task Text_is_UTF8_exactly_where_it_is_everywhere()
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "window.utf8", 1));
        byte[] boundaries = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF];
        List<byte[]> values = [.. Enumerable.Range(0, 256).Select(static value => new[] { (byte)value })];
        foreach (byte a in boundaries)
        {
            foreach (byte b in boundaries)
            {
                values.AddRange([[a, b], [0x61, a, b], [a, b, 0x80], [a, b, 0x80, 0x80], [a, b, 0xBF, 0xBF, 0x61], [0xE1, a, b], [0xF1, 0x80, a, b], [0xC3, 0xA9, a, b]]);
            }
        }

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(
            server, schema, [.. values.Select(static value => new MergeCase([], [], Framed([.. Bytes(ElementOfTick0), 0, (byte)value.Length, .. value])))]);

        Assert.True(seen[RecordMergeStatus.Malformed] > 1000);
        Assert.True(seen[RecordMergeStatus.Merged] > 200);
    }

    [Theory]
    [InlineData(65535, true)]
    [InlineData(65536, false)]
    public async Task Text_has_a_longest_length(int length, bool isText)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "window.utf8", 1));
        byte[] digits = new byte[Varint.MaxBytes];
        byte[] element = [.. Bytes(ElementOfTick0), 0, .. digits[..Varint.Write(digits, length)], .. Enumerable.Repeat((byte)0x61, length)];

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, [new([], [], Framed(element)), new(Framed(element), [], Framed(element))]);

        Assert.Equal([isText ? RecordMergeStatus.Merged : RecordMergeStatus.Malformed], seen.Keys);
    }

    // The form changes between 4095 and 4096 registers, and one rank too many anywhere spoils a dense sketch.
    [Fact]
    public async Task Sketches_change_their_form_where_they_do_everywhere()
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "distinct.utf8", 14));
        RecordMergeGenerator generator = new(20260308);
        List<MergeCase> cases = [];
        foreach (int left in new[] { 1, 2, 2047, 2048, 4094, 4095, 4096, 4097, 9000, 16384 })
        {
            foreach (int right in new[] { 1, 2, 2047, 2048, 4095, 4096, 16384 })
            {
                foreach (int among in new[] { 4095, 4096, 4100, 16384 })
                    cases.Add(new MergeCase([], Framed(generator.Registers(left, among)), Framed(generator.Registers(right, among))));
            }
        }

        for (int i = 0; i < 200; i++)
        {
            byte[] dense = generator.Registers(i % 2 == 0 ? 4096 : 16384, 16384);
            int register = generator.Random.Next(16384);
            DistinctPayload.Raise(dense, (register * 64) + generator.Random.Next(50, 54));
            if (i % 5 == 0)
                dense[generator.Random.Next(dense.Length)] = 0;
            cases.Add(new MergeCase([], i % 3 == 0 ? Framed(dense) : [], Framed(dense)));
        }

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.True(seen[RecordMergeStatus.Malformed] > 50);
        Assert.True(seen[RecordMergeStatus.Merged] > 300);
    }

    [Fact]
    public async Task A_malformed_field_wins_over_one_that_overflows_wherever_it_stands()
    {
        AggregateSchema schema = new("a", new FieldSchema("A", "max.i64"), new FieldSchema("B", "sum.i64"), new FieldSchema("C", "max.i64"), new FieldSchema("D", "distinct.i64", 14));
        byte[] full = Bytes("01 08 FF FF FF FF FF FF FF 7F");
        byte[] broken = Bytes("01 00");
        MergeCase[] cases =
        [
            new(full, [], full),
            new(full, [], [0, .. broken, .. full]),
            new(full, [], [.. full, 2, .. broken]),
            new([.. full, 2, .. broken], [], full),
            new(full, [3, .. broken], full),
            new(full, [], [.. full, 3, .. broken]),
            new(full, [], [.. full, 4, .. broken]),
            new(full, [], [.. full, 9]),
        ];

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.Equal(1, seen[RecordMergeStatus.Overflow]);
        Assert.Equal(7, seen[RecordMergeStatus.Malformed]);
    }

    // Beside a sound record on the other side, a window is checked while it is merged: to its end, even where the result is full already.
    [Fact]
    public async Task A_fault_of_a_window_is_seen_beside_a_sound_one()
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "window.utf8", 1));
        byte[] sound = Framed(ElementOfTick0 + "05 00");
        byte[][] faulty =
        [
            Framed(ElementOfTick0 + "04 00" + ElementOfTick0 + "03 00"),
            Framed(ElementOfTick0 + "07 00" + ElementOfTick0 + "06 00"),
            Framed(ElementOfTick0 + "04 01"),
            Framed(ElementOfTick0 + "04 00 00"),
            Framed("AB CA 28 75 F4 37 40 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00"),
        ];

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(
            server, schema, [.. faulty.Select(one => new MergeCase(one, [], sound)), .. faulty.Select(one => new MergeCase(sound, [], one))]);

        Assert.Equal([RecordMergeStatus.Malformed], seen.Keys);
    }

    [Theory]
    [InlineData(4095, false)]
    [InlineData(4096, true)]
    public async Task The_dense_form_is_for_more_registers_than_the_sparse_one_takes(int registers, bool isDense)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "distinct.utf8", 14));
        List<MergeCase> cases = [];
        for (int first = 0; first < 4; first++)
        {
            byte[] dense = new byte[DistinctPayload.DenseBytes];
            for (int i = 0; i < registers; i++)
                DistinctPayload.Raise(dense, ((first + (3 * i)) * 64) + 1);
            cases.Add(new MergeCase([], [], Framed(dense)));
            cases.Add(new MergeCase([], Framed(dense), []));
        }

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.Equal([isDense ? RecordMergeStatus.Merged : RecordMergeStatus.Malformed], seen.Keys);
    }

    // HMGET answers false for a resource that has no record, and a script may leave an argument out.
    [Theory]
    [InlineData("sum.i64", 0, "00 08 03 00 00 00 00 00 00 00")]
    [InlineData("max.i64", 0, "00 08 03 00 00 00 00 00 00 00")]
    [InlineData("distinct.i64", 14, "00 03 00 00 41")]
    public async Task No_record_is_the_empty_one(string kind, int parameter, string record)
    {
        Script script = new(RecordMergeServer.WithMerger("""
            local schema = read_schema(ARGV[1])
            for _, none in ipairs({'', false}) do
              local status, small, large = merge_record(schema, none, none, ARGV[2])
              if status ~= 0 or small .. large ~= ARGV[2] then return 'false' end
            end
            local status, small, large = merge_record(schema, nil, nil, ARGV[2])
            if status ~= 0 or small .. large ~= ARGV[2] then return 'nil' end
            status, small, large = merge_record(schema, nil, nil, '')
            return status == 0 and small == '' and large == '' and schema.has_large == (ARGV[3] == '1') and 'OK'
            """));
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter));

        string? answer = await server.Client.Command(script, 0).Write(SchemaDescriptor.For(schema)).Write(Bytes(record)).Write(SchemaDescriptor.IsLarge(schema.Fields[0]) ? 1 : 0)
            .ToTextAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("OK", answer);
    }

    [Fact]
    public async Task The_states_of_an_aggregate_merge_as_everywhere()
    {
        AggregateSchema schema = Outer.EveryKind.Definition.Schema;
        List<MergeCase> cases = [];
        RecordMergeGenerator generator = new(20260309);
        for (int i = 0; i < 3000; i++)
        {
            byte[][] records = [generator.Record(schema, 0.3), generator.Record(schema, 0.6)];
            cases.Add(MergeCase.Of(schema, records[i % 2], records[1 - (i % 2)]));
        }

        await RecordMergeAssert.AgreeAsync(server, schema, cases);
    }

    private static byte[] Framed(string payload) => Framed(Bytes(payload));

    private static byte[] Framed(byte[] payload)
    {
        byte[] length = new byte[Varint.MaxBytes];
        return [0, .. length[..Varint.Write(length, payload.Length)], .. payload];
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
