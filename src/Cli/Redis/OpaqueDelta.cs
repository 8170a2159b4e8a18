using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Sluice.Cli.Redis;

/// <summary>
/// One delta of an opaque field. Its bytes mean something to the application alone, whose code this tool does not have: it shows them as text where they are
/// one, and otherwise as they are.
/// </summary>
/// <param name="Engine">The number of the engine that it comes from.</param>
/// <param name="Sequence">That engine's count.</param>
/// <param name="State">The bytes that the application wrote.</param>
internal sealed record OpaqueDelta(ulong Engine, long Sequence, byte[] State)
{
    private const int ShownCharacters = 48;
    private const int ShownBytes = 24;

    private string? TextOfState
    {
        get
        {
            if (!Utf8.IsValid(State))
                return null;
            string text = Encoding.UTF8.GetString(State);
            return text.All(static c => !char.IsControl(c) || c is '\n' or '\r' or '\t') ? text : null;
        }
    }

    /// <summary>For people: the size, and as much of the state as fits on a line.</summary>
    public override string ToString()
    {
        string size = string.Create(CultureInfo.InvariantCulture, $"{State.Length} B");
        if (State.Length == 0)
            return size;
        if (TextOfState is { } text)
            return $"{size} {(text.Length > ShownCharacters ? text[..ShownCharacters] + "..." : text).ReplaceLineEndings(" ")}";
        return $"{size} 0x{Convert.ToHexString(State.AsSpan(0, Math.Min(State.Length, ShownBytes)))}{(State.Length > ShownBytes ? "..." : "")}";
    }

    /// <summary>For programs: the whole state.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("engine", Engine.ToString("x16", CultureInfo.InvariantCulture));
        json.WriteNumber("sequence", Sequence);
        json.WriteNumber("bytes", State.Length);
        if (TextOfState is { } text)
            json.WriteString("text", text);
        else
            json.WriteString("hex", Convert.ToHexString(State));
        json.WriteEndObject();
    }
}
