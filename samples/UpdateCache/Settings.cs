using System.Buffers;
using System.Text.Json;

namespace Sluice.Samples.UpdateCache;

/// <summary>
/// What phonon's <c>Update</c> was: a document, with a <c>merge</c> of our own. No field says "the newest value of each name", so this does. Each value
/// knows when it was set, and the newer one wins, whichever process it came from and in whatever order they were merged; of two that were set at the
/// same time, the greater one. That is what makes the merge the same in any order, and so the total the same whatever happens on the way.
/// </summary>
public sealed class Settings : IOpaqueState<Settings>
{
    private readonly SortedDictionary<string, (long Ticks, string Value)> _values = new(StringComparer.Ordinal);

    /// <summary>Nothing was set.</summary>
    public static Settings Empty => new();

    /// <summary>The values by name.</summary>
    public IReadOnlyDictionary<string, string> Values => _values.ToDictionary(static entry => entry.Key, static entry => entry.Value.Value);

    /// <summary>One value that was set at some time.</summary>
    public static Settings Set(string name, string value, DateTimeOffset at) => new() { _values = { [name] = (at.UtcTicks, value) } };

    /// <summary>phonon's <c>merge</c>. Both documents belong to this call, so the one may take what the other has.</summary>
    public static Settings Merge(Settings earlier, Settings later)
    {
        foreach ((string name, (long ticks, string value)) in later._values)
        {
            bool isNewer = !earlier._values.TryGetValue(name, out (long Ticks, string Value) known)
                || (ticks != known.Ticks ? ticks > known.Ticks : string.CompareOrdinal(value, known.Value) > 0);
            if (isNewer)
                earlier._values[name] = (ticks, value);
        }

        return earlier;
    }

    /// <summary>phonon's <c>state</c>: names in their order, so that equal documents are equal bytes.</summary>
    public static void Write(Settings state, IBufferWriter<byte> output)
    {
        using Utf8JsonWriter json = new(output);
        json.WriteStartObject();
        foreach ((string name, (long ticks, string value)) in state._values)
        {
            json.WriteStartArray(name);
            json.WriteNumberValue(ticks);
            json.WriteStringValue(value);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    public static Settings Read(ReadOnlySpan<byte> bytes)
    {
        Settings settings = new();
        Utf8JsonReader json = new(bytes);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read(); // the array
            json.Read();
            long ticks = json.GetInt64();
            json.Read();
            settings._values[name] = (ticks, json.GetString()!);
            json.Read(); // its end
        }

        return settings;
    }
}
